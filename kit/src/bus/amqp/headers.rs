//! The headers of a message: the trace that it goes on with, by the names that W3C has for that.

use lapin::types::{AMQPValue, FieldTable};

use crate::trace::TraceContext;

const PARENT: &str = "traceparent";
const STATE: &str = "tracestate";

/// Those of a trace.
pub(super) fn of(trace: &TraceContext) -> FieldTable {
    let mut headers = FieldTable::default();
    headers.insert(PARENT.into(), AMQPValue::LongString(trace.parent().into()));
    if let Some(state) = trace.state() {
        headers.insert(STATE.into(), AMQPValue::LongString(state.into()));
    }
    headers
}

/// The trace of a message, if it has one.
pub(super) fn trace(headers: &FieldTable) -> Option<TraceContext> {
    let text = |name| match headers.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        _ => None,
    };
    TraceContext::read(text(PARENT).as_deref(), text(STATE).as_deref())
}
