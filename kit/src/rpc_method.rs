//! What is noted of every call of a gRPC method: how long it took, and its span. Handles are looked up, and what spans
//! have in common is encoded, once: either costs as much as all else that is done for a call.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Histogram, Label, histogram};
use tonic::Code;

use crate::status::code_name;
use crate::trace::{Kind, Span, Template, is_traced};

/// gRPC status codes: 0 to 16.
const CODES: usize = 17;

/// What is noted of calls that end with one code.
struct Ended {
    durations: Histogram,
    span: Template,
}

/// A method, as it is answered or called.
pub(crate) struct RpcMethod {
    durations: &'static str,
    labels: Vec<Label>,
    by_code: [OnceLock<Box<Ended>>; CODES],
    span: Option<Template>,
}

impl RpcMethod {
    /// One that a service answers, by its path.
    pub(crate) fn served(service: &'static str, path: &str) -> Self {
        let service = Label::from_static_parts("service", service);
        let durations = "rpc_server_call_duration_seconds";
        Self::new(durations, vec![service], Kind::Server, path)
    }

    /// One that others answer.
    pub(crate) fn called(path: &str) -> Self {
        let durations = "rpc_client_call_duration_seconds";
        Self::new(durations, Vec::new(), Kind::Client, path)
    }

    fn new(durations: &'static str, mut labels: Vec<Label>, kind: Kind, path: &str) -> Self {
        let name = path.trim_start_matches('/');
        labels.push(Label::new("rpc_method", name.to_owned()));
        let span = Template::of(kind, name)
            .with("rpc.system.name", "grpc")
            .with("rpc.method", name);
        Self {
            durations,
            labels,
            by_code: Default::default(),
            span: is_traced(path).then_some(span),
        }
    }

    /// What its spans have in common, if calls of it are parts of traces.
    pub(crate) fn span(&self) -> Option<&Template> {
        self.span.as_ref()
    }

    /// A call has ended.
    pub(crate) fn record(&self, code: Code, took: Duration) {
        self.ended(code).durations.record(took);
    }

    /// The same for its span.
    pub(crate) fn note_end(&self, span: &mut Span, code: Code) {
        if span.is_recorded() {
            span.note_all(&self.ended(code).span);
        }
    }

    fn ended(&self, code: Code) -> &Ended {
        self.by_code[code as usize].get_or_init(|| {
            let name = code_name(code);
            let code = Label::from_static_parts("rpc_response_status_code", name);
            let labels: Vec<Label> = self.labels.iter().cloned().chain([code]).collect();
            Box::new(Ended {
                durations: histogram!(self.durations, labels),
                span: Template::default().with("rpc.response.status_code", name),
            })
        })
    }
}
