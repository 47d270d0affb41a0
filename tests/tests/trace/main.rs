//! Traces: what a collector is told of the work of several services.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod collector;
mod conventions;
mod journey;
mod span;
mod suite;
mod troubles;

use std::time::Duration;

/// How long whatever has to happen may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// The trace of whoever calls from outside, and the span that calls.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";
const TRACEPARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/// A header of curl.
fn header() -> String {
    format!("traceparent: {TRACEPARENT}")
}

/// What tells a service of a collector, which is to hear of spans soon.
fn exporting_to(endpoint: &str) -> [(&str, &str); 2] {
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ]
}
