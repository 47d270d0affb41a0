//! Servers of the activity contract that keep nothing on a disk, and a collector of traces that keeps nothing at all.

use std::net::Ipv4Addr;
use std::process::Command;

use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::Server as KitServer;
use muster_proto::compat::activity as pb;
use muster_proto::otlp;
use muster_proto::otlp::trace_service_server::{TraceService, TraceServiceServer};
use muster_testkit::{Process, listening, program};
use pb::activity_events_server::{ActivityEvents, ActivityEventsServer};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::failure::Failure;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// tonic's own server, and a handler that does nothing.
    Tonic,
    /// The same handler behind the serve loop of our own services.
    Kit,
    /// grpc-go, keeping the events in a slice.
    GrpcGo,
    /// A collector of traces, which costs as little as one can that shares the machine.
    Collector,
}

/// A running server, killed when dropped.
pub(crate) struct Server {
    pub(crate) addr: String,
    _process: Process,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Tonic => "tonic doing nothing",
            Kind::Kit => "muster-kit doing nothing",
            Kind::GrpcGo => "grpc-go keeping a slice",
            Kind::Collector => "a collector",
        }
    }

    /// Starts it; all but grpc-go are this very program, told by its first argument (see [`serve`]).
    pub(crate) async fn start(self) -> Server {
        let (mut command, name) = match self {
            Kind::Tonic => (ourselves("tonic"), "tonic"),
            Kind::Kit => (ourselves("kit"), "kit"),
            Kind::GrpcGo => (Command::new("grpc-go-peer"), "grpc-go"),
            Kind::Collector => (ourselves("collector"), "collector"),
        };
        let mut process = Process::spawn(&mut command);
        Server {
            addr: listening(&mut process, name).await,
            _process: process,
        }
    }
}

fn ourselves(server: &str) -> Command {
    let mut command = program("muster-bench");
    command.args(["serve", server]);
    command
}

/// Serves on a free port that is printed, until it is killed.
pub(crate) async fn serve(server: &str) -> Result<(), Failure> {
    let nothing = ActivityEventsServer::new(Nothing);
    match server {
        "tonic" => {
            // TCP_NODELAY as tonic sets it where it binds by itself.
            let incoming = TcpIncoming::bind((Ipv4Addr::LOCALHOST, 0).into())?;
            let incoming = incoming.with_nodelay(Some(true));
            println!("tonic  {}", incoming.local_addr()?);
            let server = tonic::transport::Server::builder().add_service(nothing);
            Ok(server.serve_with_incoming(incoming).await?)
        }
        "kit" => {
            let listener = Listener::on_free_port().await?;
            println!("kit  {}", listener.local_addr());
            let server = KitServer::new(&Context::for_test("nothing")).grpc(nothing);
            Ok(server.serve(listener).await?)
        }
        "collector" => {
            let listener = Listener::on_free_port().await?;
            println!("collector  {}", listener.local_addr());
            let server = KitServer::new(&Context::for_test("collector"));
            Ok(server
                .grpc(TraceServiceServer::new(Nothing))
                .serve(listener)
                .await?)
        }
        _ => Err(Failure::new(format!("no such server: {server}"))),
    }
}

#[tonic::async_trait]
impl TraceService for Nothing {
    async fn export(
        &self,
        _: Request<otlp::ExportTraceServiceRequest>,
    ) -> Result<Response<otlp::ExportTraceServiceResponse>, Status> {
        Ok(Response::new(otlp::ExportTraceServiceResponse::default()))
    }
}

/// A handler that does nothing at all.
struct Nothing;

#[tonic::async_trait]
impl ActivityEvents for Nothing {
    async fn create_event(
        &self,
        request: Request<pb::EventRequest>,
    ) -> Result<Response<pb::EventResponse>, Status> {
        Ok(Response::new(pb::EventResponse {
            id: request.into_inner().id,
            success: true,
            execution_time: 0,
        }))
    }

    type ListEventsStream = tokio_stream::Empty<Result<pb::EventRequest, Status>>;

    async fn list_events(
        &self,
        _: Request<pb::Deployment>,
    ) -> Result<Response<Self::ListEventsStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }
}
