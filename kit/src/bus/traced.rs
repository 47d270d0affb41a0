//! The spans of messages, by the semantic conventions of OpenTelemetry for messaging. Each message goes on with its own
//! trace, however many are sent or handled at once.
//! <https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans>

use super::{Delivery, Destination, EVENTS, Message, PublishError, Queue, Rejected};
use crate::trace::{Kind, Span};

/// Begins the spans of messages that are published, and puts those in the place of what they were part of.
pub(super) fn publishing(
    service: &'static str,
    system: &'static str,
    messages: &mut [Message],
) -> Vec<Span> {
    let traced = messages
        .iter_mut()
        .filter(|message| message.trace.is_some());
    traced
        .map(|message| {
            let destination = message.to.name();
            let name = format!("publish {destination}");
            let mut span = Span::begin(service, Kind::Producer, &name, message.trace.as_ref());
            span.note("messaging.operation.name", "publish");
            span.note("messaging.operation.type", "send");
            note(&mut span, system, &destination, &message.id);
            message.trace = span.context().cloned();
            span
        })
        .collect()
}

/// They are published, or not.
pub(super) fn published(spans: Vec<Span>, done: &Result<(), PublishError>) {
    let Err(error) = done else { return };
    let kind = match error {
        PublishError::Unavailable(_) => "unavailable",
        PublishError::Unroutable(_) => "unroutable",
    };
    for mut span in spans {
        span.fail(kind);
    }
}

/// Begins the spans of messages that are handled, and puts those in the place of what published them. Each with the
/// index of its message.
pub(super) fn handling(
    service: &'static str,
    system: &'static str,
    queue: &Queue,
    batch: &mut [Delivery],
) -> Vec<(usize, Span)> {
    let traced = batch.iter_mut().enumerate();
    traced
        .filter(|(_, message)| message.trace.is_some())
        .map(|(index, message)| {
            let name = format!("process {queue}");
            let mut span = Span::begin(service, Kind::Consumer, &name, message.trace.as_ref());
            span.note("messaging.operation.name", "process");
            span.note("messaging.operation.type", "process");
            note(&mut span, system, queue.name(), &message.id);
            message.trace = span.context().cloned();
            (index, span)
        })
        .collect()
}

/// They are handled; some can never be.
pub(super) fn handled(spans: Vec<(usize, Span)>, rejected: &[Rejected]) {
    for (index, mut span) in spans {
        if rejected.iter().any(|one| one.index == index) {
            span.fail("rejected");
        }
    }
}

fn note(span: &mut Span, system: &str, destination: &str, id: &str) {
    span.note("messaging.system", system);
    span.note("messaging.destination.name", destination);
    span.note("messaging.message.id", id);
}

impl Destination {
    /// As the conventions have it for RabbitMQ: exchange and routing key, the latter alone for the default exchange.
    fn name(&self) -> String {
        match self {
            Self::Event { kind } => format!("{EVENTS}:{kind}"),
            Self::Plain { queue, .. } => (*queue).to_owned(),
        }
    }
}
