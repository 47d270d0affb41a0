//! `POST /<package>.<Service>/<Method>`: unary calls as JSON over HTTP (the Connect protocol), and unary calls and
//! streams of answers as gRPC-Web.
//!
//! Nothing here knows any message. Which methods there are, which of them are open and what their messages look like is
//! what the .proto files say ([`method`]); a closed method is answered as one that is not there.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{StatusCode, header};
use muster_kit::channel::Channel;
use muster_kit::server::HttpRoutes;
use muster_kit::{Shutdown, status};
use tokio::sync::Semaphore;
use tonic::Status;

use self::body::Room;
use self::error::Errors;
use self::method::{BadContract, Method, Methods};
use self::wire::Wire;
use crate::services::Services;

pub mod body;
mod call;
mod connect;
mod error;
mod grpc_web;
pub mod json;
pub mod method;
mod wire;

/// How long a call may take until its answer (the first of a stream) begins: less than a port gives its handlers.
const LONGEST_CALL: Duration = Duration::from_secs(25);
/// How many streams may be open at once: half of what one connection to a service takes, so that other calls find room.
const MAX_STREAMS: usize = 128;

/// The way from the edge to the services.
struct Edge {
    methods: Methods,
    services: Services,
    errors: Errors,
    room: Room,
    streams: Arc<Semaphore>,
    shutdown: Shutdown,
}

/// The routes of all services, until `shutdown` fires.
///
/// # Errors
/// The .proto files say what cannot be.
pub fn routes(services: &Services, shutdown: &Shutdown) -> Result<HttpRoutes, BadContract> {
    let edge = Edge {
        methods: Methods::read()?,
        services: services.clone(),
        errors: Errors::new()?,
        room: Room::default(),
        streams: Arc::new(Semaphore::new(MAX_STREAMS)),
        shutdown: shutdown.clone(),
    };
    let mut routes = HttpRoutes::new();
    for service in edge.methods.services() {
        let path = format!("/{service}/{{method}}");
        routes = routes.route(&path, post(call).fallback(not_post));
    }
    Ok(routes.with_state(Arc::new(edge)))
}

impl Edge {
    fn channel(&self, method: &Method) -> Result<Channel, Status> {
        let channel = self.services.channel(&method.served_by);
        channel.ok_or_else(|| status::unavailable(format!("nobody serves {}", method.path)))
    }
}

async fn call(State(edge): State<Arc<Edge>>, request: Request) -> Response {
    let path = request.uri().path();
    let Some(method) = edge.methods.get(path) else {
        let closed = Status::unimplemented(format!("{path} is not served here"));
        return edge.errors.answer_as(StatusCode::NOT_FOUND, &closed);
    };
    match Wire::of(request.headers()) {
        Some(Wire::Connect(format)) => connect::answer(&edge, method, format, request).await,
        Some(Wire::GrpcWeb(encoding)) => grpc_web::answer(&edge, method, encoding, request).await,
        None => {
            let why =
                "content-type: expected application/json, application/proto or one of gRPC-Web";
            let refusal = Status::unimplemented(why);
            edge.errors
                .answer_as(StatusCode::UNSUPPORTED_MEDIA_TYPE, &refusal)
        }
    }
}

async fn not_post(State(edge): State<Arc<Edge>>) -> Response {
    let refusal = Status::unimplemented("only POST is served here");
    let refusal = edge
        .errors
        .answer_as(StatusCode::METHOD_NOT_ALLOWED, &refusal);
    ([(header::ALLOW, "POST")], refusal).into_response()
}

fn late() -> Status {
    Status::deadline_exceeded("the deadline passed before the answer")
}
