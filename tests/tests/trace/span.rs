//! A span, as the collector reads it.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;

/// A span with what is known of it; ids in hexadecimal digits.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) trace_id: String,
    pub(crate) id: String,
    /// Empty for the first of a trace.
    pub(crate) parent: String,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) attributes: BTreeMap<String, String>,
    /// The spans that it is linked to.
    pub(crate) links: Vec<String>,
    pub(crate) is_error: bool,
    /// How long it took.
    pub(crate) took_ns: u64,
}

impl Span {
    /// All of a request.
    pub(crate) fn all(request: ExportTraceServiceRequest) -> Vec<Span> {
        let mut all = Vec::new();
        for of_service in request.resource_spans {
            let resource = pairs(of_service.resource.unwrap().attributes);
            for span in of_service.scope_spans.into_iter().flat_map(|it| it.spans) {
                all.push(Span {
                    service: resource["service.name"].clone(),
                    resource: resource.clone(),
                    trace_id: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    kind: span.kind(),
                    is_error: span.status.is_some_and(|status| status.code == 2),
                    took_ns: span.end_time_unix_nano - span.start_time_unix_nano,
                    links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
                    attributes: pairs(span.attributes),
                    name: span.name,
                });
            }
        }
        all
    }
}

fn pairs(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let pair = |pair: KeyValue| {
        let text = match pair.value.unwrap().value.unwrap() {
            Value::StringValue(text) => text,
            Value::IntValue(number) => number.to_string(),
            other => panic!("{}: {other:?}", pair.key),
        };
        (pair.key, text)
    };
    let count = attributes.len();
    let pairs: BTreeMap<_, _> = attributes.into_iter().map(pair).collect();
    assert_eq!(pairs.len(), count, "no attribute twice");
    pairs
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
