//! Streams of batches.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, stream};
use muster_proto::muster::activity::v1 as pb;
use pb::tail_response::Message;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::{filter, message};
use crate::cursor::Cursor;
use crate::error::BadField;
use crate::event::Event;
use crate::tail::{Begin, Request, Tail, Told};

/// What a caller of Tail gets.
pub(super) type Batches = Pin<Box<dyn Stream<Item = Result<pb::TailResponse, Status>> + Send>>;

pub(super) fn request(request: pb::TailRequest) -> Result<Request, BadField> {
    let begin = match message::cursor("cursor", &request.cursor)? {
        Some(_) if request.from_end => {
            return Err(BadField::new("from_end", "only without a cursor"));
        }
        Some(cursor) => Begin::Behind(cursor),
        None if request.from_end => Begin::End,
        None => Begin::First,
    };
    Ok(Request {
        selection: filter::selection(request.filter)?,
        begin,
        follow: request.follow,
    })
}

/// Reads on whenever the caller has taken what was read; holds its place as long. Tells a cursor
/// behind each event if the caller wants that.
pub(super) fn batches(tail: Tail, event_cursors: bool, place: OwnedSemaphorePermit) -> Batches {
    let told = stream::unfold((tail, place), move |(mut tail, place)| async move {
        let told = tail.next().await?;
        let told = told.map(|told| response(told, event_cursors));
        Some((told.map_err(Status::from), (tail, place)))
    });
    Box::pin(told)
}

fn response(told: Told, event_cursors: bool) -> pb::TailResponse {
    let message = match told {
        Told::Batch(events, cursor) => Message::Batch(batch(events, cursor, event_cursors)),
        Told::Live(cursor) => Message::Live(pb::TailLive {
            cursor: cursor.to_string(),
        }),
        Told::Reset(reset) => Message::Reset(message::reset(reset)),
    };
    pb::TailResponse {
        message: Some(message),
    }
}

fn batch(events: Vec<Arc<Event>>, cursor: Cursor, event_cursors: bool) -> pb::TailBatch {
    let behind = |event: &Arc<Event>| {
        let position = event.position;
        Cursor { position, ..cursor }.to_string()
    };
    pb::TailBatch {
        event_cursors: match event_cursors {
            true => events.iter().map(behind).collect(),
            false => Vec::new(),
        },
        events: events.into_iter().map(event).collect(),
        cursor: cursor.to_string(),
    }
}

fn event(event: Arc<Event>) -> pb::Event {
    message::event(Arc::unwrap_or_clone(event))
}
