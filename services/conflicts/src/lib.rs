//! Double bookings in calendars.
//!
//! Whoever keeps appointments wants to know which of them clash, and how: not each pair, but the
//! groups to be settled together. The service holds no state; it answers for the calendar that
//! it is sent, however large.

use std::time::Duration;

use muster_kit::listen::Listener;
use muster_kit::process::{Context, Service};
use muster_kit::server::{Limits, ServeError, Server};
use muster_proto::compat::scheduling::conflict_service_server::ConflictServiceServer;

use config::Config;
use grpc::Compat;

pub mod config;
pub mod error;
pub mod grpc;
pub mod sweep;

/// The service as its process and the suite know it.
pub const SERVICE: Service = Service {
    admin_by_default: true,
    listen_env: Some("SERVICE_HOST"),
    admin_env: Some("HEALTH_CHECK_HOST"),
    ..Service::new("conflicts", "Double bookings in calendars", 7070)
};

/// The largest calendar that is taken; beyond it a call is answered with OUT_OF_RANGE. An answer
/// is never much larger than its request, and has no limit of its own.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The largest calendar at 5 Mbit/s.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(120);

/// Serves until the context says stop.
///
/// # Errors
/// Serving failed.
pub async fn run(_config: Config, listener: Listener, context: Context) -> Result<(), ServeError> {
    let api = ConflictServiceServer::new(Compat::new());
    let api = api.max_decoding_message_size(REQUEST_BYTES_MAX);
    let limits = Limits {
        head_timeout: UPLOAD_TIMEOUT,
        ..Limits::default()
    };
    Server::new(&context)
        .grpc(api)
        .limits(limits)
        .serve(listener)
        .await
}
