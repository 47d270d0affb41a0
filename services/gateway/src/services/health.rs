//! How the services are, asked of each instance and remembered for a second.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use muster_kit::channel::Channel;
use muster_kit::health::Health;
use muster_kit::server::HttpRoutes;
use muster_kit::status;
use muster_proto::health::v1 as pb;
use pb::health_check_response::ServingStatus;
use pb::health_client::HealthClient;
use serde::Serialize;
use tokio::sync::{Mutex, Semaphore};
use tokio::time::{Instant, timeout};

use super::{Services, Way};

/// How long an instance may take to say how it is.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long what was found holds, however many pages ask.
const FRESH: Duration = Duration::from_secs(1);
/// How many instances are asked at once.
const ASKED_AT_ONCE: usize = 64;
/// How many instances of a service are told.
const MAX_INSTANCES: usize = 256;

const SERVING: &str = "SERVING";
const NOT_SERVING: &str = "NOT_SERVING";
const UNREACHABLE: &str = "UNREACHABLE";
const UNKNOWN: &str = "UNKNOWN";

/// `GET /services`; `own` is the health of the gateway itself, which discovery may not know.
pub fn routes(services: Services, own: Health) -> HttpRoutes {
    let found = Found {
        services,
        own,
        latest: Mutex::default(),
    };
    HttpRoutes::new()
        .route("/services", get(tell))
        .with_state(Arc::new(found))
}

struct Found {
    services: Services,
    own: Health,
    latest: Mutex<Option<(Instant, Bytes)>>,
}

#[derive(Serialize)]
struct Told {
    services: Vec<Service>,
}

#[derive(Serialize)]
struct Service {
    name: &'static str,
    status: &'static str,
    instances: Vec<Instance>,
}

#[derive(Serialize)]
struct Instance {
    addr: String,
    status: &'static str,
}

async fn tell(State(found): State<Arc<Found>>) -> Response {
    match found.latest().await {
        Ok(told) => {
            let headers = [
                (CONTENT_TYPE, "application/json"),
                (CACHE_CONTROL, "no-store"),
            ];
            (headers, told).into_response()
        }
        Err(error) => {
            let _logged = status::internal(&error);
            http::StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl Found {
    /// What was found within the last second. Who asks meanwhile waits for whoever is finding out.
    async fn latest(&self) -> Result<Bytes, serde_json::Error> {
        let mut latest = self.latest.lock().await;
        if let Some((at, told)) = &*latest
            && at.elapsed() < FRESH
        {
            return Ok(told.clone());
        }
        let told: Bytes = serde_json::to_vec(&self.ask().await)?.into();
        *latest = Some((Instant::now(), told.clone()));
        Ok(told)
    }

    async fn ask(&self) -> Told {
        let turns = Semaphore::new(ASKED_AT_ONCE);
        let services = self.services.0.iter();
        let services = services.map(|(name, way)| self.service(name, way, &turns));
        Told {
            services: join_all(services).await,
        }
    }

    async fn service(&self, name: &'static str, way: &Way, turns: &Semaphore) -> Service {
        let endpoints = way.endpoints.borrow().clone();
        let instances = endpoints.iter().take(MAX_INSTANCES);
        let instances = instances.map(|addr| instance(&way.channel, addr, turns));
        let instances = join_all(instances).await;
        let status = match summary(&instances) {
            UNKNOWN if name == crate::SERVICE.name => self.own(),
            status => status,
        };
        Service {
            name,
            status,
            instances,
        }
    }

    fn own(&self) -> &'static str {
        match self.own.serving() {
            true => SERVING,
            false => NOT_SERVING,
        }
    }
}

async fn instance(channel: &Channel, addr: &str, turns: &Semaphore) -> Instance {
    let _turn = turns.acquire().await;
    let status = timeout(PATIENCE, check(channel, addr)).await;
    Instance {
        addr: addr.to_owned(),
        status: status.ok().flatten().unwrap_or(UNREACHABLE),
    }
}

/// What an instance says itself; `None`: nothing.
async fn check(channel: &Channel, addr: &str) -> Option<&'static str> {
    let request = pb::HealthCheckRequest::default();
    let answer = HealthClient::new(channel.peer(addr)?).check(request).await;
    Some(match answer.ok()?.into_inner().status() {
        ServingStatus::Serving => SERVING,
        _ => NOT_SERVING,
    })
}

fn summary(instances: &[Instance]) -> &'static str {
    match instances {
        [] => UNKNOWN,
        all if all.iter().any(|one| one.status == SERVING) => SERVING,
        _ => NOT_SERVING,
    }
}
