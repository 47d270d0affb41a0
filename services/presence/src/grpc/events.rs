//! `WatchEvents`: events ⇄ batches.

use std::pin::Pin;

use futures_util::{Stream, stream};
use muster_proto::muster::presence::v1 as pb;
use tonic::Status;

use super::convert;
use super::places::Place;
use crate::roster::{Events, Told};
use crate::user::User;

/// What a caller of WatchEvents gets.
pub(super) type Batches =
    Pin<Box<dyn Stream<Item = Result<pb::WatchEventsResponse, Status>> + Send>>;

/// Reads on whenever the caller has taken what was read; holds its place as long.
pub(super) fn batches(events: Events, place: Place) -> Batches {
    let told = stream::unfold((events, place), |(mut events, place)| async move {
        let response = response(events.next().await);
        Some((Ok(response), (events, place)))
    });
    Box::pin(told)
}

fn response(told: Told) -> pb::WatchEventsResponse {
    match told {
        Told::Reset(users, cursor) => pb::WatchEventsResponse {
            events: users.iter().map(online).collect(),
            is_reset: true,
            is_reset_complete: cursor.is_some(),
            cursor: cursor.map(|cursor| cursor.to_string()).unwrap_or_default(),
        },
        Told::Events(events, cursor) => pb::WatchEventsResponse {
            events: events.into_iter().map(convert::event).collect(),
            cursor: cursor.to_string(),
            ..pb::WatchEventsResponse::default()
        },
    }
}

/// A user of a reset.
fn online(user: &User) -> pb::Event {
    pb::Event {
        user: user.as_str().to_owned(),
        online: true,
        ..pb::Event::default()
    }
}
