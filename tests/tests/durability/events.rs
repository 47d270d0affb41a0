//! The events that are sent. Each follows from its number: an even one is of a deployment, an
//! odd one of a user.

use muster_proto::compat::activity::EventRequest;
use muster_proto::muster::activity::v1 as pb;

const DEPLOYMENTS: u64 = 7;
const USERS: u64 = 20;

/// The topic of an event.
pub(crate) fn topic(number: u64) -> String {
    match number % 2 {
        0 => format!("deployment/{}", deployment(number)),
        _ => format!("user/{}", number / 2 % USERS),
    }
}

/// The deployment of an event whose number is even.
pub(crate) fn deployment(number: u64) -> i32 {
    i32::try_from(number / 2 % DEPLOYMENTS).unwrap()
}

/// What an event says; some say much.
pub(crate) fn message(number: u64) -> String {
    let repeats = if number.is_multiple_of(97) { 500 } else { 1 };
    format!("event {number} ").repeat(repeats)
}

/// As the compatibility API takes it.
pub(crate) fn compat(number: u64) -> EventRequest {
    EventRequest {
        id: i32::try_from(number).unwrap(),
        message: message(number),
        timestamp: None,
        deployment_id: deployment(number),
    }
}

/// As the own API takes it.
pub(crate) fn new(number: u64) -> pb::NewEvent {
    pb::NewEvent {
        topic: topic(number),
        id: number.to_string(),
        message: message(number),
        ..pb::NewEvent::default()
    }
}
