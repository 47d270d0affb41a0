//! Spans that are exported together.

use bytes::Bytes;
use muster_proto::otlp::ScopeSpans;
use prost::Message;

use super::resource::scope;
use super::wire;

/// Which conventions the attributes follow.
pub(super) const CONVENTIONS: &str = "https://opentelemetry.io/schemas/1.38.0";
/// So many bytes are enough for a batch, however few its spans are: collectors take messages of 4 MiB.
const ENOUGH_BYTES: usize = 1024 * 1024;

/// Spans that have ended, for one request to a collector.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    /// By who recorded them; each an encoded [`ScopeSpans`].
    pub(super) services: Vec<(&'static str, Bytes)>,
    /// How many.
    pub(super) spans: usize,
}

/// A batch that grows: each span is copied behind the others of its service, so that nothing of a call is left for
/// another thread to free, and to send a batch is to send a few buffers.
#[derive(Debug)]
pub(super) struct Growing {
    /// What is said before the first span of a service.
    head: Vec<u8>,
    services: Vec<(&'static str, Vec<u8>)>,
    spans: usize,
    bytes: usize,
}

impl Default for Growing {
    fn default() -> Self {
        let head = ScopeSpans {
            scope: Some(scope()),
            schema_url: CONVENTIONS.to_owned(),
        };
        Self {
            head: head.encode_to_vec(),
            services: Vec::new(),
            spans: 0,
            bytes: 0,
        }
    }
}

impl Growing {
    /// Adds the encoded span of a service.
    pub(super) fn push(&mut self, service: &'static str, span: &[u8]) {
        let known = self.services.iter().position(|(it, _)| *it == service);
        let at = known.unwrap_or_else(|| {
            self.services.push((service, self.head.clone()));
            self.services.len() - 1
        });
        wire::add_span(&mut self.services[at].1, span);
        self.spans += 1;
        self.bytes += span.len();
    }

    /// Whether there are so many spans, or enough bytes.
    pub(super) fn is_enough(&self, spans: usize) -> bool {
        self.spans >= spans || self.bytes >= ENOUGH_BYTES
    }

    /// What there is, as a batch; the next one has room for as much.
    pub(super) fn take(&mut self) -> Batch {
        let spans = std::mem::take(&mut self.spans);
        self.bytes = 0;
        let head = &self.head;
        let like = |(service, spans): &(&'static str, Vec<u8>)| {
            let mut next = Vec::with_capacity(spans.len());
            next.extend_from_slice(head);
            (*service, next)
        };
        let next = self.services.iter().map(like).collect();
        let taken = std::mem::replace(&mut self.services, next).into_iter();
        let recorded = taken.filter(|(_, spans)| spans.len() > head.len());
        let services = recorded.map(|(service, spans)| (service, spans.into()));
        Batch {
            services: services.collect(),
            spans,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// [`ScopeSpans`] as collectors read it.
    #[derive(Clone, PartialEq, Message)]
    struct Read {
        #[prost(message, optional, tag = "1")]
        scope: Option<muster_proto::otlp::InstrumentationScope>,
        #[prost(bytes = "vec", repeated, tag = "2")]
        spans: Vec<Vec<u8>>,
        #[prost(string, tag = "3")]
        schema_url: String,
    }

    /// The spans of a batch, with who recorded them.
    fn read(batch: &Batch) -> Vec<(&'static str, Vec<u8>)> {
        let read = |(service, bytes): &(&'static str, Bytes)| {
            let read = Read::decode(bytes.clone()).unwrap();
            assert_eq!(
                (read.scope, &*read.schema_url),
                (Some(scope()), CONVENTIONS)
            );
            let service = *service;
            read.spans.into_iter().map(move |span| (service, span))
        };
        batch.services.iter().flat_map(read).collect()
    }

    #[test]
    fn spans_lie_with_those_of_their_service_and_a_taken_batch_leaves_none() {
        let mut growing = Growing::default();
        let long = vec![7; 300];
        for (service, span) in [("a", &[1][..]), ("b", &[]), ("a", &long)] {
            growing.push(service, span);
        }
        let batch = growing.take();
        let spans = vec![("a", vec![1]), ("a", long), ("b", vec![])];
        assert_eq!((read(&batch), batch.spans), (spans, 3));
        growing.push("b", &[2]);
        let batch = growing.take();
        assert_eq!((read(&batch), batch.spans), (vec![("b", vec![2])], 1));
        assert_eq!((growing.take().services, growing.spans), (vec![], 0));
    }

    #[test]
    fn a_batch_is_enough_by_its_spans_or_its_bytes() {
        let mut growing = Growing::default();
        growing.push("a", &[0; 10]);
        assert!(growing.is_enough(1) && !growing.is_enough(2));
        growing.push("b", &vec![0; ENOUGH_BYTES - 10]);
        assert!(growing.is_enough(1_000));
        growing.take();
        assert!(!growing.is_enough(1));
    }
}
