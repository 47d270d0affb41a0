//! What many spans have in common, encoded once.

use super::span::Kind;
use super::wire::{SpanBytes, Value};

/// A part of spans.
#[derive(Debug, Default)]
pub(crate) struct Template(SpanBytes);

impl Template {
    /// Of work of a kind and a name.
    pub(crate) fn of(kind: Kind, name: &str) -> Self {
        let mut bytes = SpanBytes::default();
        bytes.kind(kind as u8);
        bytes.name(name);
        Self(bytes)
    }

    /// With an attribute more.
    pub(crate) fn with(mut self, name: &str, text: &str) -> Self {
        self.0.attribute(name, Value::Text(text));
        self
    }

    pub(super) fn bytes(&self) -> &SpanBytes {
        &self.0
    }
}
