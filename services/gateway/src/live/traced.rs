//! The last span of a trace: an event is handed to somebody who is connected.

use muster_kit::trace::{Kind, Span};

use crate::SERVICE;
use crate::hub::Mail;

/// Begins the span of a piece of mail; of none unless it is an event of a trace that is recorded.
pub(super) fn handing_over(mail: &Mail, protocol: &'static str) -> Option<Span> {
    let Mail::Event { event, .. } = mail else {
        return None;
    };
    let trace = event.trace()?;
    let mut span = Span::begin(SERVICE.name, Kind::Producer, "send to client", Some(trace));
    if span.is_recorded() {
        span.note("messaging.system", protocol);
        span.note("messaging.operation.name", "send");
        span.note("messaging.operation.type", "send");
        span.note("messaging.destination.name", &event.topic);
        span.note("messaging.message.id", &event.id);
        span.note("network.protocol.name", protocol);
    }
    Some(span)
}
