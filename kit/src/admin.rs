//! The admin port: `/healthz`, `/readyz`, `/metrics`.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use crate::Shutdown;
use crate::health::Health;
use crate::listen::Listener;
use crate::origin::Origins;
use crate::server::{Limits, serve_router};

/// How long a stop waits for a reader of metrics.
const DRAIN: Duration = Duration::from_secs(1);

/// The services of the process, by name.
pub type Healths = Arc<[(&'static str, Health)]>;

/// Serves the admin port until `stop` fires.
pub async fn serve(listener: Listener, healths: Healths, origins: Origins, stop: Shutdown) {
    let ready = move || async move { readiness(&healths) };
    let router = Router::new()
        .route("/healthz", get(async || "healthy"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics));
    serve_router(
        "admin",
        listener,
        router,
        origins,
        Limits::default(),
        stop,
        DRAIN,
    )
    .await;
}

/// A line for each obstacle, or `ready`.
fn readiness(healths: &[(&'static str, Health)]) -> (StatusCode, String) {
    let mut lines = String::new();
    for (service, health) in healths {
        for obstacle in health.obstacles() {
            lines.push_str(&format!("{service}: {obstacle}\n"));
        }
    }
    match lines.is_empty() {
        true => (StatusCode::OK, "ready\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, lines),
    }
}

async fn metrics() -> ([(axum::http::HeaderName, &'static str); 1], String) {
    let text_format = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, text_format)], crate::metrics::render())
}
