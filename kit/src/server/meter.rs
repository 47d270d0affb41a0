//! Durations of calls by method and code, with handles that are looked up once.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Histogram, histogram};
use tonic::Code;

use crate::status::code_name;

/// gRPC status codes: 0 to 16.
const CODES: usize = 17;

/// The meters of one port. Only methods that exist have one: names from outside would grow
/// without bound.
pub(super) struct Meters(HashMap<String, Meter>);

struct Meter {
    service: &'static str,
    by_code: [OnceLock<Histogram>; CODES],
}

impl Meters {
    /// Meters for every method of the descriptor set; of those, only the served are ever used.
    pub(super) fn new(service: &'static str) -> Self {
        let meter = |path: &String| {
            (
                path.clone(),
                Meter {
                    service,
                    by_code: Default::default(),
                },
            )
        };
        Self(muster_proto::method_paths().iter().map(meter).collect())
    }

    /// Counts a call that has ended.
    pub(super) fn record(&self, path: &str, code: Code, took: Duration) {
        let Some(meter) = self.0.get(path) else {
            return;
        };
        let handle = meter.by_code[code as usize].get_or_init(|| {
            histogram!(
                "rpc_server_call_duration_seconds",
                "service" => meter.service,
                "rpc_method" => path.trim_start_matches('/').to_owned(),
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
