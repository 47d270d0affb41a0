//! Traces: which work belongs together, wherever it is done.
//!
//! The context of a trace comes with a request, goes on with whatever the request brings about (calls, outboxes,
//! messages), and is in every log line. It is followed whether or not this process exports spans; spans are recorded
//! where a collector is configured (`OTEL_EXPORTER_OTLP_ENDPOINT`), and cost nothing otherwise.
//!
//! A span is kept as the bytes that a collector gets (OTLP): to record one is one allocation and a few hundred bytes
//! written, and copied to those of its batch; to export a batch is to send it.

mod batch;
mod context;
mod export;
mod id;
mod queue;
mod recorder;
mod resource;
mod sampler;
mod settings;
mod span;
mod template;
mod wire;

pub use self::context::TraceContext;
pub(crate) use self::export::{export, flush};
pub(crate) use self::recorder::install;
pub use self::recorder::is_on;
pub use self::span::{Kind, Span};
pub(crate) use self::template::Template;

/// What is asked all the time, and tells nothing about the work.
const UNTRACED: [&str; 2] = ["/grpc.health.", "/grpc.reflection."];

/// Whether calls of this path are parts of traces.
pub(crate) fn is_traced(path: &str) -> bool {
    !UNTRACED.iter().any(|prefix| path.starts_with(prefix))
}
