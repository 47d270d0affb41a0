//! Double bookings in calendars.
//!
//! Whoever keeps appointments wants to know which of them clash, and how: not each pair, but the
//! groups to be settled together. The service holds no state; it answers for the calendar that
//! it is sent, however large.

use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::{Limits, ServeError, Server};

use config::Config;
use grpc::Compat;

pub mod config;
pub mod error;
pub mod grpc;
pub mod metrics;
pub mod sweep;

/// The service as its process and the suite know it.
pub const SERVICE: Service = Service {
    admin_by_default: true,
    listen_env: Some("SERVICE_HOST"),
    admin_env: Some("HEALTH_CHECK_HOST"),
    ..Service::new("conflicts", "Double bookings in calendars", 7070)
};

/// The largest request that is taken; beyond it a call is answered with OUT_OF_RANGE. An answer
/// is not much larger than its request, and has no limit of its own.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The most events in a request, and of all large requests that are worked on at once; beyond
/// it a call is answered with INVALID_ARGUMENT. What an event costs in memory depends on its
/// size the less, the smaller it is.
pub const EVENTS_MAX: usize = 1_000_000;

/// The bytes of large requests under way at once, from the first one received to the last one
/// of the answer; further ones wait.
pub const REQUESTS_BYTES_MAX: usize = 2 * REQUEST_BYTES_MAX;

/// Serves until the context says stop.
///
/// # Errors
/// Serving failed.
pub async fn run(_config: Config, listener: Listener, context: Context) -> Result<(), ServeError> {
    muster_kit::metrics::describe(metrics::METRICS);
    let limits = Limits {
        head_timeout: grpc::CALL_TIMEOUT,
        ..Limits::default()
    };
    let compat = Compat::default();
    let _observed = compat.observe();
    Server::new(&context)
        .grpc(compat)
        .limits(limits)
        .serve(listener)
        .await
}
