//! What every request passes on its way to a handler: origin, deadline, panic, request id.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use futures_util::FutureExt;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use muster_proto::health::v1::health_server::SERVICE_NAME as HEALTH;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic::codegen::Service;

use super::answer::Answer;
use super::call::{Call, claims_grpc};
use super::cors;
use super::limits::Limits;
use super::meter::Meters;
use super::routes::Patterns;
use super::turn::Turn;
use super::upgrade::{Caller, Upgrade};
use crate::grpc_timeout;
use crate::listen::Listener;
use crate::origin::{Origins, Refused, Sender};

/// The way into the handlers of one port.
pub(super) struct Edge {
    shared: Arc<Shared>,
    router: Router,
}

/// The same for one connection.
pub(super) struct Entrance {
    shared: Arc<Shared>,
    router: Router,
    caller: Caller,
    scheme: &'static str,
    turn: Turn,
    tasks: TaskTracker,
}

/// What all connections of a port share.
pub(super) struct Shared {
    pub(super) service: &'static str,
    pub(super) meters: Meters,
    /// The gRPC services of the port. Only their calls pass without a look at their origin: a
    /// Content-Type alone proves nothing, since the JSON routes do not look at it.
    grpc_services: Vec<String>,
    pub(super) patterns: Patterns,
    origins: Origins,
    on_loopback: bool,
    head_timeout: Duration,
}

impl Shared {
    /// Whether a path is one of a gRPC service of this port: `/package.Service/Method`.
    pub(super) fn serves_grpc(&self, path: &str) -> bool {
        let service = path.strip_prefix('/').and_then(|path| path.split_once('/'));
        service.is_some_and(|(service, _)| self.grpc_services.iter().any(|of| of == service))
    }

    /// Whether requests are parts of traces: not those to the admin port, which serves health alone.
    pub(super) fn is_traced(&self) -> bool {
        self.grpc_services.iter().any(|of| of != HEALTH)
    }

    /// Who sends a request; of a gRPC call nobody asks.
    fn sender<B>(&self, call: &Call, request: &Request<B>) -> Result<Sender, Refused> {
        match call.is_grpc {
            true => Ok(Sender::Own),
            false => self.origins.check(request, self.on_loopback),
        }
    }
}

impl Edge {
    pub(super) fn new(
        service: &'static str,
        router: Router,
        grpc_services: Vec<String>,
        patterns: Vec<String>,
        origins: Origins,
        listener: &Listener,
        limits: &Limits,
    ) -> Self {
        let shared = Shared {
            service,
            meters: Meters::new(service),
            grpc_services,
            patterns: Patterns::new(patterns),
            origins,
            on_loopback: listener.is_loopback(),
            head_timeout: limits.head_timeout,
        };
        Self {
            shared: Arc::new(shared),
            router,
        }
    }

    pub(super) fn service(&self) -> &'static str {
        self.shared.service
    }

    /// For a connection from `peer` that takes these turns, and carries `http` or `https`. What becomes of an
    /// upgrade runs among the tasks.
    pub(super) fn entrance(
        &self,
        peer: SocketAddr,
        scheme: &'static str,
        turn: &Turn,
        tasks: &TaskTracker,
    ) -> Entrance {
        Entrance {
            shared: Arc::clone(&self.shared),
            router: self.router.clone(),
            caller: Caller { addr: peer },
            scheme,
            turn: turn.clone(),
            tasks: tasks.clone(),
        }
    }
}

impl Entrance {
    /// Tells the handler who calls, and how to take the connection over if the caller asks for that.
    fn introduce(&self, request: &mut Request<Incoming>) {
        let extensions = request.extensions_mut();
        if let Some(on_upgrade) = extensions.remove() {
            extensions.insert(Upgrade::new(on_upgrade, self.tasks.clone()));
        }
        extensions.insert(self.caller);
    }
}

impl hyper::service::Service<Request<Incoming>> for Entrance {
    type Response = Response<Answer>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let call = Call::of(&request, &self.shared, self.scheme);
        let sender = match self.shared.sender(&call, &request) {
            Ok(sender) => sender,
            Err(refused) => {
                self.shared.meters.refused("origin");
                let refusal = problem(StatusCode::FORBIDDEN, &refused.to_string());
                return Box::pin(async { Ok(answer(call, None, refusal)) });
            }
        };
        if let Some(asked) = cors::preflight(&request, &sender) {
            return Box::pin(async { Ok(answer(call, None, asked)) });
        }
        let allowed = if call.is_grpc {
            grpc_timeout::of(request.headers())
        } else {
            None
        };
        if !call.is_grpc {
            self.introduce(&mut request);
        }
        let request = request.map(Body::new);
        let limit = allowed.unwrap_or(self.shared.head_timeout);
        // Every clone of a router shares its routes.
        let handling = self.router.clone().call(request);
        let brought = self.turn.brought();
        Box::pin(async move {
            drop(brought);
            let handling = AssertUnwindSafe(handling).catch_unwind();
            let handling = call.work().scope(timeout(limit, handling));
            let mut response = match handling.await {
                Ok(Ok(Ok(response))) => response,
                Ok(Err(_panic)) => failure(&call, Status::internal("internal error")),
                Err(_elapsed) => {
                    call.count_late();
                    failure(&call, Status::deadline_exceeded("deadline exceeded"))
                }
            };
            cors::show(response.headers_mut(), &sender);
            Ok(answer(call, allowed, response))
        })
    }
}

fn answer(
    mut call: Call,
    allowed: Option<Duration>,
    mut response: Response<Body>,
) -> Response<Answer> {
    call.note_head(&mut response);
    response.map(|body| Answer::new(body, call, allowed))
}

/// What a call is answered whose handler gave none.
fn failure(call: &Call, status: Status) -> Response<Body> {
    if call.is_grpc {
        return status.into_http();
    }
    match status.code() {
        tonic::Code::DeadlineExceeded => problem(StatusCode::GATEWAY_TIMEOUT, status.message()),
        _ => problem(StatusCode::INTERNAL_SERVER_ERROR, status.message()),
    }
}

fn problem(status: StatusCode, why: &str) -> Response<Body> {
    (status, Json(serde_json::json!({ "error": why }))).into_response()
}

/// A path that nothing is served under.
pub(super) async fn not_found(request: Request<Body>) -> Response<Body> {
    let path = request.uri().path();
    if claims_grpc(request.headers()) {
        return Status::unimplemented(format!("no method {path} on this port")).into_http();
    }
    problem(StatusCode::NOT_FOUND, &format!("no such path: {path}"))
}
