//! The serve loop: one port for gRPC and HTTP, with a limit on everything and a drain that ends.
//!
//! tonic's own loop can hang on a stop, has no preface timeout and spins when file descriptors
//! run out; hence ours, on hyper-util.

mod answer;
mod call;
mod connections;
mod cors;
mod edge;
mod gather;
mod intake;
mod limits;
mod meter;
mod opened;
mod preface;
mod routes;
mod traced;
mod turn;
mod upgrade;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use muster_proto::health::v1::health_server::{HealthServer, SERVICE_NAME as HEALTH};
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::server::NamedService;
use tonic::service::Routes;

use self::edge::Edge;
pub use self::limits::{Limits, StreamRate};
pub use self::routes::HttpRoutes;
pub use self::upgrade::{Caller, Upgrade, Upgraded};
use crate::Shutdown;
use crate::health::{Health, HealthRpc};
use crate::listen::Listener;
use crate::origin::Origins;
use crate::process::Context;
use crate::reflection;
use crate::tls::Tls;

/// How long a stop waits until discovery has forgotten the service.
const WITHDRAWAL: Duration = Duration::from_secs(1);

/// The services of one port. Health, reflection, metrics, request ids, deadlines and the check
/// of origins come by themselves.
pub struct Server {
    context: Context,
    routes: Routes,
    names: Vec<String>,
    patterns: Vec<String>,
    limits: Limits,
}

/// The port cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The descriptor set cannot be read.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// Something that the service cannot work without is lost, and only a restart may bring it
    /// back: its supervisor's to do.
    #[error("{0}")]
    Lost(String),
}

impl Server {
    /// A port without services yet.
    pub fn new(context: &Context) -> Self {
        let health = HealthRpc(context.health.clone());
        let server = Self {
            context: context.clone(),
            routes: Routes::from(Router::new().fallback(edge::not_found)),
            names: Vec::new(),
            patterns: Vec::new(),
            limits: Limits::default(),
        };
        server.grpc(HealthServer::new(health))
    }

    /// Adds a gRPC service under its own name, to health and reflection as well.
    pub fn grpc<S>(mut self, service: S) -> Self
    where
        S: Service<http::Request<Body>, Error = Infallible> + NamedService,
        S: Clone + Send + Sync + 'static,
        S::Response: axum::response::IntoResponse,
        S::Future: Send + 'static,
    {
        self.context.health.name(S::NAME);
        self.names.push(S::NAME.to_owned());
        self.routes = self.routes.add_service(service);
        self
    }

    /// Adds HTTP routes. A router without a fallback: unknown paths are answered here.
    pub fn http(mut self, routes: impl Into<HttpRoutes>) -> Self {
        let (router, patterns) = routes.into().into_parts();
        self.patterns.extend(patterns);
        let routes = self.routes.into_axum_router().merge(router);
        self.routes = routes.into();
        self
    }

    /// Replaces the limits.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves until the process is asked to stop, then drains: NOT_SERVING, forgotten by
    /// discovery, GOAWAY, and a hard end at the deadline. Registered while SERVING.
    ///
    /// # Errors
    /// The descriptor set cannot be read; or the service cannot go on without a restart, which
    /// stops the process.
    pub async fn serve(self, listener: Listener) -> Result<(), ServeError> {
        let context = self.context;
        let routes = reflection::add_to(self.routes, &self.names)?;
        let grpc_services = [
            self.names,
            reflection::OWN_NAMES.map(str::to_owned).to_vec(),
        ]
        .concat();
        let router = routes.prepare().into_axum_router();
        let bound = listener.local_addr();
        let stop = Shutdown::new();
        let edge = Edge::new(
            context.service,
            router,
            grpc_services,
            self.patterns,
            context.origins.clone(),
            &listener,
            &self.limits,
        );
        let connections = connections::serve(
            listener,
            edge,
            context.tls.clone(),
            self.limits,
            stop.clone(),
            context.drain,
        );
        context.health.started();
        tracing::info!(service = context.service, addr = %bound, "listening");
        tokio::join!(
            connections,
            announce_until_stopped(&context, bound, stop),
            stop_when_lost(&context),
        );
        match context.health.lost_for_good() {
            Some(why) => Err(ServeError::Lost(why)),
            None => Ok(()),
        }
    }
}

/// Keeps the service registered; on a stop ends that first, so that callers go elsewhere.
async fn announce_until_stopped(context: &Context, bound: SocketAddr, stop: Shutdown) {
    let registered = async {
        tokio::select! {
            addr = context.advertised(bound) => keep_registered(context, &addr).await,
            () = context.shutdown.cancelled() => {}
        }
    };
    let withdrawal = async {
        context.shutdown.cancelled().await;
        context.health.draining();
        tracing::info!(service = context.service, "stopping");
        tokio::time::sleep(WITHDRAWAL).await;
        tracing::warn!(
            service = context.service,
            "discovery did not answer: its lease will end"
        );
    };
    tokio::select! {
        biased;
        () = registered => {}
        () = withdrawal => {}
    }
    context.shutdown.cancelled().await;
    context.health.draining();
    stop.cancel();
}

/// Ends with the process, once what is still its own is deregistered.
async fn keep_registered(context: &Context, addr: &str) {
    let (serving, shutdown) = (context.health.watch(), context.shutdown.clone());
    let registry = &context.registry;
    registry
        .keep_registered(context.service, addr, serving, shutdown)
        .await;
}

/// A service that has lost for good what it needs stops the process: whoever runs it starts it
/// again.
async fn stop_when_lost(context: &Context) {
    tokio::select! {
        () = context.health.until_lost_for_good() => context.shutdown.cancel(),
        () = context.shutdown.cancelled() => {}
    }
}

/// Serves HTTP routes, and health beside them, until `stop` fires, then drains.
pub(crate) async fn serve_router(
    name: &'static str,
    listener: Listener,
    router: Router,
    health: Health,
    origins: Origins,
    stop: Shutdown,
    drain: Duration,
) {
    let routes = Routes::from(router.fallback(edge::not_found));
    let routes = routes.add_service(HealthServer::new(HealthRpc(health)));
    let limits = Limits::default();
    let edge = Edge::new(
        name,
        routes.prepare().into_axum_router(),
        vec![HEALTH.to_owned()],
        Vec::new(),
        origins,
        &listener,
        &limits,
    );
    connections::serve(listener, edge, Tls::default(), limits, stop, drain).await;
}
