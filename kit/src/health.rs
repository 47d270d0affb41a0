//! The health of a service, and the gRPC health protocol, to its specification.
//!
//! A service is SERVING once its port is served and all it [needs](Health::need) answers, and
//! NOT_SERVING again before it drains. `""` and each service name tell that readiness;
//! [`LIVENESS`] tells that the process itself is well, and depends on nothing else.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, stream};
use muster_proto::health::v1 as pb;
use pb::health_check_response::ServingStatus;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::status;

/// The name that liveness probes ask for.
pub const LIVENESS: &str = "liveness";

/// The health of one service of the process.
#[derive(Debug, Clone)]
pub struct Health(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: watch::Sender<State>,
    serving: watch::Sender<bool>,
}

#[derive(Debug, Clone, Default)]
struct State {
    names: Vec<String>,
    unmet: BTreeMap<&'static str, String>,
    started: bool,
    draining: bool,
    lost_for_good: Option<String>,
}

impl State {
    fn serving(&self) -> bool {
        self.started && !self.draining && self.unmet.is_empty()
    }

    fn of(&self, service: &str) -> ServingStatus {
        let known = service.is_empty() || self.names.iter().any(|name| name == service);
        match (service, known, self.serving()) {
            (LIVENESS, ..) => ServingStatus::Serving,
            (_, false, _) => ServingStatus::ServiceUnknown,
            (_, true, true) => ServingStatus::Serving,
            (_, true, false) => ServingStatus::NotServing,
        }
    }
}

impl Default for Health {
    fn default() -> Self {
        let (state, serving) = (
            watch::Sender::new(State::default()),
            watch::Sender::new(false),
        );
        Self(Arc::new(Shared { state, serving }))
    }
}

impl Health {
    /// Something without which the service cannot work: its store, say. Unmet at first.
    pub fn need(&self, name: &'static str) -> Need {
        let need = Need {
            health: self.clone(),
            name,
        };
        need.lost("not there yet");
        need
    }

    /// Whether the service is SERVING.
    pub fn serving(&self) -> bool {
        *self.0.serving.borrow()
    }

    /// Follows whether the service is SERVING.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.0.serving.subscribe()
    }

    /// What keeps the service from SERVING, a line each.
    pub fn obstacles(&self) -> Vec<String> {
        let state = self.0.state.borrow();
        let mut lines: Vec<_> = state
            .unmet
            .iter()
            .map(|(name, why)| format!("{name}: {why}"))
            .collect();
        if state.draining {
            lines.push("stopping".to_owned());
        } else if !state.started {
            lines.push("starting".to_owned());
        }
        lines
    }

    /// Names a gRPC service of this port.
    pub(crate) fn name(&self, name: &str) {
        self.change(|state| state.names.push(name.to_owned()));
    }

    pub(crate) fn started(&self) {
        self.change(|state| state.started = true);
    }

    pub(crate) fn draining(&self) {
        self.change(|state| state.draining = true);
    }

    /// Why the service cannot go on without a restart, if so.
    pub(crate) fn lost_for_good(&self) -> Option<String> {
        self.0.state.borrow().lost_for_good.clone()
    }

    /// Waits until the service cannot go on without a restart.
    pub(crate) async fn until_lost_for_good(&self) {
        let mut state = self.0.state.subscribe();
        let _ended = state.wait_for(|state| state.lost_for_good.is_some()).await;
    }

    /// Both are published under one lock: they never contradict each other.
    fn change(&self, change: impl FnOnce(&mut State)) {
        self.0.state.send_modify(|state| {
            change(state);
            let serving = state.serving();
            let publish = |now: &mut bool| std::mem::replace(now, serving) != serving;
            self.0.serving.send_if_modified(publish);
        });
    }
}

/// Something that a service cannot work without.
#[derive(Debug, Clone)]
pub struct Need {
    health: Health,
    name: &'static str,
}

impl Need {
    /// It answers.
    pub fn met(&self) {
        self.health
            .change(|state| drop(state.unmet.remove(self.name)));
    }

    /// It does not; why is for `/readyz` and the log.
    pub fn lost(&self, why: impl Display) {
        let why = why.to_string();
        self.health
            .change(|state| drop(state.unmet.insert(self.name, why)));
    }

    /// It never will again in this process, which therefore stops: its supervisor starts it anew.
    pub fn lost_for_good(&self, why: impl Display) {
        self.lost(&why);
        let why = format!("{}: {why}", self.name);
        tracing::error!(why, "lost what the service cannot work without: stopping");
        self.health.change(|state| state.lost_for_good = Some(why));
    }
}

/// `grpc.health.v1.Health` of one port.
#[derive(Debug, Clone)]
pub struct HealthRpc(pub Health);

impl HealthRpc {
    fn state(&self) -> State {
        self.0.0.state.borrow().clone()
    }
}

fn response(status: ServingStatus) -> pb::HealthCheckResponse {
    pb::HealthCheckResponse {
        status: status.into(),
    }
}

#[tonic::async_trait]
impl pb::health_server::Health for HealthRpc {
    type WatchStream = Pin<Box<dyn Stream<Item = Result<pb::HealthCheckResponse, Status>> + Send>>;

    async fn check(
        &self,
        request: Request<pb::HealthCheckRequest>,
    ) -> Result<Response<pb::HealthCheckResponse>, Status> {
        match self.state().of(&request.get_ref().service) {
            ServingStatus::ServiceUnknown => {
                let name = request.into_inner().service;
                Err(status::not_found(format!(
                    "no service {name:?} on this port"
                )))
            }
            known => Ok(Response::new(response(known))),
        }
    }

    async fn list(
        &self,
        _: Request<pb::HealthListRequest>,
    ) -> Result<Response<pb::HealthListResponse>, Status> {
        let state = self.state();
        let names = state.names.iter().map(String::as_str).chain(["", LIVENESS]);
        let statuses: HashMap<_, _> = names
            .map(|name| (name.to_owned(), response(state.of(name))))
            .collect();
        Ok(Response::new(pb::HealthListResponse { statuses }))
    }

    async fn watch(
        &self,
        request: Request<pb::HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let watching = Watching {
            service: request.into_inner().service,
            state: self.0.0.state.subscribe(),
            sent: None,
        };
        Ok(Response::new(Box::pin(stream::unfold(
            Some(watching),
            next_change,
        ))))
    }
}

/// One `Watch` stream.
struct Watching {
    service: String,
    state: watch::Receiver<State>,
    sent: Option<ServingStatus>,
}

type Change = (Result<pb::HealthCheckResponse, Status>, Option<Watching>);

/// The next status that differs from the last one; once that of a stop is out, the end.
async fn next_change(watching: Option<Watching>) -> Option<Change> {
    let mut watching = watching?;
    loop {
        let (now, draining) = {
            let state = watching.state.borrow_and_update();
            (state.of(&watching.service), state.draining)
        };
        if watching.sent != Some(now) {
            watching.sent = Some(now);
            return Some((Ok(response(now)), Some(watching)));
        }
        if draining || watching.state.changed().await.is_err() {
            return Some((Err(status::unavailable("the service is stopping")), None));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures_util::StreamExt;
    use pb::health_server::Health as _;
    use tonic::Code;

    use super::*;

    fn ask(service: &str) -> Request<pb::HealthCheckRequest> {
        Request::new(pb::HealthCheckRequest {
            service: service.to_owned(),
        })
    }

    async fn check(rpc: &HealthRpc, service: &str) -> Result<ServingStatus, Code> {
        let answer = rpc.check(ask(service)).await;
        answer
            .map(|answer| answer.get_ref().status())
            .map_err(|status| status.code())
    }

    #[tokio::test]
    async fn serving_begins_when_every_need_is_met() {
        let health = Health::default();
        let rpc = HealthRpc(health.clone());
        health.name("x.X");
        let store = health.need("store");
        health.started();
        assert_eq!(check(&rpc, "x.X").await, Ok(ServingStatus::NotServing));
        assert_eq!(check(&rpc, LIVENESS).await, Ok(ServingStatus::Serving));
        assert_eq!(health.obstacles(), ["store: not there yet"]);
        store.met();
        assert_eq!(check(&rpc, "x.X").await, Ok(ServingStatus::Serving));
        assert_eq!(check(&rpc, "").await, Ok(ServingStatus::Serving));
        store.lost("disk gone");
        assert_eq!(check(&rpc, "").await, Ok(ServingStatus::NotServing));
    }

    #[tokio::test]
    async fn an_unknown_service_is_not_found_and_watched_as_unknown() {
        let rpc = HealthRpc(Health::default());
        assert_eq!(check(&rpc, "y.Y").await, Err(Code::NotFound));
        let mut watch = rpc.watch(ask("y.Y")).await.unwrap().into_inner();
        let first = watch.next().await.unwrap().unwrap();
        assert_eq!(first.status(), ServingStatus::ServiceUnknown);
    }

    #[tokio::test]
    async fn a_watch_tells_each_change_once_and_ends_with_the_stop() {
        let health = Health::default();
        let rpc = HealthRpc(health.clone());
        let mut watch = rpc.watch(ask("")).await.unwrap().into_inner();
        assert_eq!(
            watch.next().await.unwrap().unwrap().status(),
            ServingStatus::NotServing
        );
        health.started();
        assert_eq!(
            watch.next().await.unwrap().unwrap().status(),
            ServingStatus::Serving
        );
        health.name("another");
        health.draining();
        assert_eq!(
            watch.next().await.unwrap().unwrap().status(),
            ServingStatus::NotServing
        );
        assert_eq!(
            watch.next().await.unwrap().unwrap_err().code(),
            Code::Unavailable
        );
        assert!(watch.next().await.is_none());
    }

    #[tokio::test]
    async fn a_list_has_all_names() {
        let health = Health::default();
        health.name("x.X");
        let list = HealthRpc(health)
            .list(Request::new(pb::HealthListRequest {}))
            .await
            .unwrap();
        let mut names: Vec<_> = list.into_inner().statuses.into_keys().collect();
        names.sort();
        assert_eq!(names, ["", LIVENESS, "x.X"]);
    }
}
