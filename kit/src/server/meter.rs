//! Calls under way, and durations of those that have ended by method and code, with handles that are looked up once.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Gauge, Histogram, counter, gauge, histogram};
use tonic::Code;

use crate::status::code_name;

/// gRPC status codes: 0 to 16.
const CODES: usize = 17;

/// Why a request may get no answer of its handler.
const REFUSALS: [&str; 2] = ["origin", "deadline"];

/// The meters of one port. Only methods that exist have one: names from outside would grow
/// without bound.
pub(super) struct Meters {
    service: &'static str,
    methods: HashMap<String, Method>,
    meters: Vec<Meter>,
    calls: Gauge,
}

/// The number of a method. A stream keeps it as long as it is open, which a path of its own
/// would be too large for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Method(u16);

struct Meter {
    path: String,
    by_code: [OnceLock<Histogram>; CODES],
}

impl Meters {
    /// Meters for every method of the descriptor set; of those, only the served are ever used.
    pub(super) fn new(service: &'static str) -> Self {
        let paths = muster_proto::method_paths();
        let numbered = paths.iter().cloned().zip((0..).map(Method));
        let meter = |path| Meter {
            path,
            by_code: Default::default(),
        };
        for why in REFUSALS {
            counter!("server_requests_refused_total", "service" => service, "why" => why)
                .increment(0);
        }
        Self {
            service,
            calls: gauge!("server_calls", "service" => service),
            methods: numbered.collect(),
            meters: paths.into_iter().map(meter).collect(),
        }
    }

    /// The method that is called by a path, if there is one.
    pub(super) fn method(&self, path: &str) -> Option<Method> {
        self.methods.get(path).copied()
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

    /// Counts a call that has ended.
    pub(super) fn record(&self, method: Method, code: Code, took: Duration) {
        let Some(meter) = self.meters.get(usize::from(method.0)) else {
            return;
        };
        let handle = meter.by_code[code as usize].get_or_init(|| {
            histogram!(
                "rpc_server_call_duration_seconds",
                "service" => self.service,
                "rpc_method" => meter.path.trim_start_matches('/').to_owned(),
                "rpc_response_status_code" => code_name(code),
            )
        });
        handle.record(took);
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
