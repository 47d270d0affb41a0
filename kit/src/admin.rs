//! The admin port: `/healthz`, `/readyz`, `/metrics`, and the gRPC health protocol for the whole process.
//!
//! It is never within TLS, and its connections are counted by themselves: a probe comes through however many callers the
//! ports of the services have.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use futures_util::future::join_all;
use tokio::sync::watch;

use crate::Shutdown;
use crate::health::{Health, Need};
use crate::listen::Listener;
use crate::origin::Origins;
use crate::server::serve_router;

/// How long a stop waits for a reader of metrics.
const DRAIN: Duration = Duration::from_secs(1);

/// The services of the process, by name.
pub type Healths = Arc<[(&'static str, Health)]>;

/// Serves the admin port until `stop` fires.
pub async fn serve(listener: Listener, healths: Healths, origins: Origins, stop: Shutdown) {
    let all = Health::default();
    all.started();
    let told = healths.iter();
    let told = told.map(|(service, health)| tell(health.watch(), all.need(service)));
    let told = async {
        join_all(told).await;
        pending::<()>().await;
    };
    let listed = healths.clone();
    let ready = move || async move { readiness(&listed) };
    let router = Router::new()
        .route("/healthz", get(async || "healthy"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics));
    tokio::select! {
        () = serve_router("admin", listener, router, all.clone(), origins, stop, DRAIN) => {}
        () = told => {}
    }
}

/// Tells whether a service is SERVING to the health of the whole process.
async fn tell(mut serving: watch::Receiver<bool>, need: Need) {
    loop {
        match *serving.borrow_and_update() {
            true => need.met(),
            false => need.lost("NOT_SERVING"),
        }
        if serving.changed().await.is_err() {
            return;
        }
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use muster_proto::health::v1::HealthCheckRequest;
    use muster_proto::health::v1::health_check_response::ServingStatus;
    use muster_proto::health::v1::health_client::HealthClient;
    use muster_testkit::eventually;

    use super::*;
    use crate::channel::Channel;
    use crate::health::LIVENESS;

    #[tokio::test]
    async fn the_process_is_alive_at_once_and_ready_once_all_its_services_are() {
        let listener = Listener::on_free_port().await.unwrap();
        let addr = listener.local_addr().to_string();
        let [one, other] = [Health::default(), Health::default()];
        let healths: Healths = Arc::new([("one", one.clone()), ("other", other.clone())]);
        let stop = Shutdown::new();
        let served = tokio::spawn(serve(listener, healths, Origins::default(), stop.clone()));

        let client = HealthClient::new(Channel::to(&addr));
        let ask = async |service: &str| {
            let request = HealthCheckRequest {
                service: service.to_owned(),
            };
            let answer = client.clone().check(request).await.unwrap();
            answer.into_inner().status()
        };
        let becomes = async |wanted| {
            let asked = async || (ask("").await == wanted).then_some(());
            eventually(Duration::from_secs(5), asked).await;
        };
        assert_eq!(ask(LIVENESS).await, ServingStatus::Serving);
        one.started();
        assert_eq!(ask("").await, ServingStatus::NotServing);
        other.started();
        becomes(ServingStatus::Serving).await;
        one.draining();
        becomes(ServingStatus::NotServing).await;
        assert_eq!(ask(LIVENESS).await, ServingStatus::Serving);
        stop.cancel();
        served.await.unwrap();
    }
}
