//! What several answers are made of.

use muster_proto::muster::activity::v1 as pb;

use super::time;
use crate::cursor::{Cursor, Reset, Stale};
use crate::error::BadField;
use crate::event::Event;

pub(super) fn event(event: Event) -> pb::Event {
    pb::Event {
        position: event.position,
        topic: event.topic,
        id: event.id,
        kind: event.kind,
        message: event.message,
        attributes: event.attributes.into_iter().collect(),
        sent_at: Some(time::timestamp(event.send_ns)),
        received_at: Some(time::timestamp(event.receive_ns)),
    }
}

pub(super) fn reset(reset: Reset) -> pb::Reset {
    let reason = match reset.reason {
        Stale::OtherStore => pb::ResetReason::OtherStore,
        Stale::BehindEnd => pb::ResetReason::BehindEnd,
        Stale::Removed => pb::ResetReason::Trimmed,
    };
    pb::Reset {
        reason: reason.into(),
        first_position: reset.first_position,
        cursor: reset.cursor.to_string(),
    }
}

/// The cursor of a field, which may be empty.
pub(super) fn cursor(field: &str, text: &str) -> Result<Option<Cursor>, BadField> {
    match text {
        "" => Ok(None),
        text => Cursor::parse(field, text).map(Some),
    }
}
