//! Calls under way, and durations of those that have ended by method and code.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{Gauge, counter, gauge, histogram};

use crate::rpc_method::RpcMethod;

/// What is called is none of ours.
pub(super) const OTHER: &str = "_OTHER";

/// Why a request may get no answer of its handler.
const REFUSALS: [&str; 2] = ["origin", "deadline"];

/// The meters of one port. Only methods that exist have one: names from outside would grow
/// without bound.
pub(super) struct Meters {
    service: &'static str,
    methods: HashMap<String, Method>,
    known: Vec<RpcMethod>,
    /// All that are none.
    other: RpcMethod,
    calls: Gauge,
}

/// The number of a method. A stream keeps it as long as it is open, which a path of its own
/// would be too large for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method(u16);

impl Meters {
    /// Meters for every method of the descriptor set; of those, only the served are ever used.
    pub(super) fn new(service: &'static str) -> Self {
        let paths = muster_proto::method_paths();
        let known = paths.iter().map(|path| RpcMethod::served(service, path));
        for why in REFUSALS {
            counter!("server_requests_refused_total", "service" => service, "why" => why)
                .increment(0);
        }
        Self {
            service,
            calls: gauge!("server_calls", "service" => service),
            known: known.collect(),
            other: RpcMethod::served(service, OTHER),
            methods: paths.into_iter().zip((0..).map(Method)).collect(),
        }
    }

    /// The method that is called by a path, if there is one.
    pub(super) fn method(&self, path: &str) -> Option<Method> {
        self.methods.get(path).copied()
    }

    /// What is noted of the calls of a method; `None` is none of ours.
    pub(super) fn of(&self, method: Option<Method>) -> &RpcMethod {
        let known = method.and_then(|Method(number)| self.known.get(usize::from(number)));
        known.unwrap_or(&self.other)
    }

    /// A call or request has come.
    pub(super) fn begun(&self) {
        self.calls.increment(1);
    }

    /// It has ended.
    pub(super) fn ended(&self) {
        self.calls.decrement(1);
    }

    /// Counts one that no handler has answered, for one of [`REFUSALS`].
    pub(super) fn refused(&self, why: &'static str) {
        counter!("server_requests_refused_total", "service" => self.service, "why" => why)
            .increment(1);
    }
}

/// Counts an HTTP request that has ended.
pub(super) fn record_http(service: &'static str, status: u16, took: Duration) {
    histogram!(
        "http_server_request_duration_seconds",
        "service" => service,
        "http_response_status_code" => status.to_string(),
    )
    .record(took);
}
