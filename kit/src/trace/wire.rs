//! Spans as OTLP has them on the wire: the message `opentelemetry.proto.trace.v1.Span`.
//! <https://github.com/open-telemetry/opentelemetry-proto/blob/v1.7.0/opentelemetry/proto/trace/v1/trace.proto>

use super::context::TraceContext;

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const FIXED32: u32 = 5;

/// The fields of a span.
const TRACE_ID: u32 = 1;
const SPAN_ID: u32 = 2;
const TRACE_STATE: u32 = 3;
const PARENT_SPAN_ID: u32 = 4;
const NAME: u32 = 5;
const KIND: u32 = 6;
const START: u32 = 7;
const END: u32 = 8;
const ATTRIBUTES: u32 = 9;
const LINKS: u32 = 13;
const STATUS: u32 = 15;
const FLAGS: u32 = 16;
/// The flags of a link.
const LINK_FLAGS: u32 = 6;
/// An attribute's key and value, and the kinds of a value.
const KEY: u32 = 1;
const VALUE: u32 = 2;
const TEXT: u32 = 1;
const NUMBER: u32 = 3;
/// The code of a status, and that of an error.
const STATUS_CODE: u32 = 3;
const ERROR: u64 = 2;

/// The spans of a `ScopeSpans`.
const SPANS: u32 = 2;

/// In the flags of a span: whether its parent is elsewhere is known, and it is.
const HAS_IS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

/// Most spans are not longer.
const TYPICAL_BYTES: usize = 384;
/// Callers choose paths, hosts and ids: a longer text is cut, or a few requests would make a batch that no collector
/// takes.
const TEXT_BYTES: usize = 512;

/// Adds a span to an encoded `ScopeSpans`.
pub(super) fn add_span(scope_spans: &mut Vec<u8>, span: &[u8]) {
    let mut bytes = SpanBytes(std::mem::take(scope_spans));
    bytes.bytes(SPANS, span);
    *scope_spans = bytes.0;
}

/// The value of an attribute.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(i64),
}

/// A span in the making, or a part of one: fields come in any order, and the last of a name counts.
#[derive(Debug, Default)]
pub(super) struct SpanBytes(Vec<u8>);

impl SpanBytes {
    pub(super) fn begin(context: &TraceContext, start_ns: u64) -> Self {
        let mut bytes = Self(Vec::with_capacity(TYPICAL_BYTES));
        bytes.place(context);
        bytes.fixed64(START, start_ns);
        bytes
    }

    pub(super) fn kind(&mut self, kind: u8) {
        self.varint_field(KIND, u64::from(kind));
    }

    /// Adds what lies ready.
    pub(super) fn extend(&mut self, part: &SpanBytes) {
        self.0.extend_from_slice(&part.0);
    }

    /// The span that it is part of, and whether that is of another process.
    pub(super) fn parent(&mut self, context: &TraceContext, is_remote: bool) {
        self.bytes(PARENT_SPAN_ID, &context.span_id.to_be_bytes());
        let remote = if is_remote { IS_REMOTE } else { 0 };
        self.flags(FLAGS, context, HAS_IS_REMOTE | remote);
    }

    pub(super) fn name(&mut self, name: &str) {
        self.bytes(NAME, cut(name).as_bytes());
    }

    pub(super) fn attribute(&mut self, key: &str, value: Value<'_>) {
        let value = match value {
            Value::Text(text) => Value::Text(cut(text)),
            Value::Number(_) => value,
        };
        let length = match value {
            Value::Text(text) => length_of_bytes(text.len()),
            Value::Number(number) => 1 + length_of_varint(number as u64),
        };
        let whole = length_of_bytes(key.len()) + length_of_bytes(length);
        self.head(ATTRIBUTES, whole);
        self.bytes(KEY, key.as_bytes());
        self.head(VALUE, length);
        match value {
            Value::Text(text) => self.bytes(TEXT, text.as_bytes()),
            Value::Number(number) => self.varint_field(NUMBER, number as u64),
        }
    }

    /// Another span that has to do with it.
    pub(super) fn link(&mut self, context: &TraceContext) {
        let mut link = Self(Vec::with_capacity(64));
        link.place(context);
        link.flags(LINK_FLAGS, context, HAS_IS_REMOTE | IS_REMOTE);
        self.bytes(LINKS, &link.0);
    }

    pub(super) fn failed(&mut self) {
        let status = 1 + length_of_varint(ERROR);
        self.head(STATUS, status);
        self.varint_field(STATUS_CODE, ERROR);
    }

    /// All of it.
    pub(super) fn end(&mut self, end_ns: u64) -> &[u8] {
        self.fixed64(END, end_ns);
        &self.0
    }

    fn place(&mut self, context: &TraceContext) {
        let mut ids = [0; 28];
        ids[..2].copy_from_slice(&[key(TRACE_ID, BYTES), 16]);
        ids[2..18].copy_from_slice(&context.trace_id.to_be_bytes());
        ids[18..20].copy_from_slice(&[key(SPAN_ID, BYTES), 8]);
        ids[20..].copy_from_slice(&context.span_id.to_be_bytes());
        self.0.extend_from_slice(&ids);
        if let Some(state) = context.state() {
            self.bytes(TRACE_STATE, state.as_bytes());
        }
    }

    fn flags(&mut self, field: u32, context: &TraceContext, more: u32) {
        self.key(field, FIXED32);
        let flags = u32::from(context.flags()) | more;
        self.0.extend(flags.to_le_bytes());
    }

    fn varint_field(&mut self, field: u32, number: u64) {
        self.key(field, VARINT);
        self.varint(number);
    }

    fn fixed64(&mut self, field: u32, number: u64) {
        let mut bytes = [key(field, FIXED64); 9];
        bytes[1..].copy_from_slice(&number.to_le_bytes());
        self.0.extend_from_slice(&bytes);
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.head(field, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// The head of a field of so many bytes.
    fn head(&mut self, field: u32, length: usize) {
        self.key(field, BYTES);
        self.varint(length as u64);
    }

    fn key(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// Of a field with a number up to 15.
const fn key(field: u32, kind: u32) -> u8 {
    (field << 3 | kind) as u8
}

/// Of a field with a number up to 15.
fn length_of_bytes(length: usize) -> usize {
    1 + length_of_varint(length as u64) + length
}

fn length_of_varint(number: u64) -> usize {
    (number | 1).ilog2() as usize / 7 + 1
}

fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(TEXT_BYTES))
        .unwrap_or(text)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn span_of(name: &str) -> Vec<u8> {
        let context = TraceContext::root(1, 1, true);
        let mut span = SpanBytes::begin(&context, 0);
        span.name(name);
        span.attribute("url.path", Value::Text(name));
        span.end(0).to_vec()
    }

    #[test]
    fn a_span_stays_small_whatever_callers_put_into_it() {
        for (letter, length) in [("x", 512), ("é", 512), ("€", 510)] {
            let bytes = span_of(&letter.repeat(20_000));
            assert_eq!(bytes, span_of(&letter.repeat(length / letter.len())));
            assert!(bytes.len() < 1_200, "{}", bytes.len());
        }
    }
}
