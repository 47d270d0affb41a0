//! Servers with the same contract, and what they hold of it is as simple as can be.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use muster_proto::compat::presence::{OnlineStatus, User};
use muster_testkit::{Process, listening, program};
use tokio::sync::watch;
use tokio_stream::wrappers::WatchStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::failure::Failure;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// tonic's own server and codec, as they come: this very program (see [`serve`]).
    Tonic,
    /// grpc-go, as it comes.
    GrpcGo,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Tonic => "tonic as it comes",
            Kind::GrpcGo => "grpc-go as it comes",
        }
    }

    /// Starts it: where it listens, and its process, killed when dropped.
    pub(crate) async fn start(self) -> (String, Process) {
        let (mut command, name) = match self {
            Kind::Tonic => (program("muster-bench"), "presence-tonic"),
            Kind::GrpcGo => (Command::new("grpc-go-peer"), "grpc-go"),
        };
        if self == Kind::Tonic {
            command.args(["serve", name]);
        }
        let mut process = Process::spawn(&mut command);
        (listening(&mut process, name).await, process)
    }
}

/// Serves on a free port that is printed, until it is killed.
pub(crate) async fn serve(server: &str) -> Result<(), Failure> {
    if server != "tonic" {
        return Err(Failure::new(format!("no such server: presence-{server}")));
    }
    let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let incoming = incoming.with_nodelay(Some(true));
    println!("presence-tonic  {}", incoming.local_addr()?);
    let server = tonic::transport::Server::builder().add_service(Monitors::default());
    Ok(server.serve_with_incoming(incoming).await?)
}

/// Who is watched; nobody is ever online here. Written by hand, since the contract as it is generated has the codec of
/// our own service.
#[derive(Clone, Default)]
struct Monitors(Arc<Mutex<HashMap<String, watch::Sender<OnlineStatus>>>>);

impl NamedService for Monitors {
    const NAME: &'static str = "cloudstate.samples.chat.presence.Presence";
}

impl Service<http::Request<Body>> for Monitors {
    type Response = http::Response<Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let monitors = self.clone();
        let mut grpc = Grpc::new(ProstCodec::<OnlineStatus, User>::default());
        Box::pin(async move {
            Ok(match request.uri().path().ends_with("/Monitor") {
                true => grpc.server_streaming(monitors, request).await,
                false => grpc.server_streaming(Silence, request).await,
            })
        })
    }
}

impl ServerStreamingService<User> for Monitors {
    type Response = OnlineStatus;
    type ResponseStream = Statuses;
    type Future = std::future::Ready<Result<Response<Statuses>, Status>>;

    fn call(&mut self, request: Request<User>) -> Self::Future {
        let mut monitors = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let user = monitors.entry(request.into_inner().name);
        let watched = user.or_default().subscribe();
        let statuses = tokio_stream::StreamExt::map(WatchStream::new(watched), Ok as fn(_) -> _);
        std::future::ready(Ok(Response::new(statuses)))
    }
}

/// What a monitor is told.
type Statuses = tokio_stream::adapters::Map<
    WatchStream<OnlineStatus>,
    fn(OnlineStatus) -> Result<OnlineStatus, Status>,
>;

/// Connect, which never sends anything.
struct Silence;

impl ServerStreamingService<User> for Silence {
    type Response = OnlineStatus;
    type ResponseStream = tokio_stream::Pending<Result<OnlineStatus, Status>>;
    type Future = std::future::Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<User>) -> Self::Future {
        std::future::ready(Ok(Response::new(tokio_stream::pending())))
    }
}
