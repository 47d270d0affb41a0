//! Batches.

use muster_proto::muster::activity::v1 as pb;

use super::time;
use crate::batch::{BATCH_LIMIT_EVENTS, Batch, Fate};
use crate::error::{BadField, Error};
use crate::event::NewEvent;
use crate::topic::Topic;

pub(super) fn batch(
    events: Vec<pb::NewEvent>,
    expected_last: Option<i64>,
    receive_ns: i64,
) -> Result<Batch, Error> {
    // One more than there may be, so that too many are refused without looking at all.
    let events = events.into_iter().take(BATCH_LIMIT_EVENTS + 1);
    let events = events.enumerate().map(|(index, event)| {
        new_event(event, receive_ns).map_err(|bad| bad.within(&format!("events[{index}]")))
    });
    let events = events.collect::<Result<_, _>>()?;
    Ok(Batch::new(events, expected_last)?)
}

fn new_event(event: pb::NewEvent, receive_ns: i64) -> Result<NewEvent, BadField> {
    let send_ns = match event.sent_at {
        Some(sent_at) => time::ns("sent_at", sent_at)?,
        None => receive_ns,
    };
    let event = NewEvent {
        topic: Topic::parse(event.topic)?,
        id: Some(event.id),
        kind: event.kind,
        message: event.message,
        attributes: event.attributes.into_iter().collect(),
        send_ns,
        receive_ns,
    };
    event.checked()
}

pub(super) fn results(fates: Vec<Fate>) -> Vec<pb::AppendResult> {
    fates.into_iter().map(result).collect()
}

fn result(fate: Fate) -> pb::AppendResult {
    let (outcome, position) = match fate {
        Fate::Stored(position) => (pb::AppendOutcome::Stored, position),
        Fate::AlreadyThere(position) => (pb::AppendOutcome::AlreadyThere, position),
        Fate::Conflict(position) => (pb::AppendOutcome::Conflict, position),
    };
    pb::AppendResult {
        outcome: outcome.into(),
        position,
    }
}
