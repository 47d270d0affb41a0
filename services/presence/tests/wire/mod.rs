//! A running service, and clients of which each has one connection of its own.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod talk;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt;
use http::Uri;
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use muster_kit::Shutdown;
use muster_kit::config::Settings;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::{Limits, Server};
use muster_presence::SERVICE;
use muster_presence::config::Config;
use muster_presence::grpc::Compat;
use muster_presence::origin::Origin;
use muster_presence::roster::{Roster, RosterLimits};
use muster_proto::compat::presence::presence_client::PresenceClient;
use muster_proto::compat::presence::presence_server::PresenceServer;
use muster_proto::compat::presence::{OnlineStatus, User};
use muster_proto::muster::presence::v1::presence_service_client::PresenceServiceClient;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::{Code, Streaming};

/// Within which whatever is waited for must come.
pub(crate) const DEADLINE: Duration = Duration::from_secs(10);
/// The window of an ordinary client's stream.
pub(crate) const WINDOW_BYTES: u32 = 65_535;

/// One connection, as tonic's clients want it.
#[derive(Clone)]
pub(crate) struct Wire(http2::SendRequest<Body>);

pub(crate) type Client = PresenceClient<Wire>;
pub(crate) type ApiClient = PresenceServiceClient<Wire>;

impl tower::Service<http::Request<Body>> for Wire {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, hyper::Error>> + Send>>;

    fn poll_ready(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// The task that drives a client's connection, and ends with it.
pub(crate) type Driver = JoinHandle<Result<(), hyper::Error>>;

/// A client whose streams take so many bytes that nobody has read.
pub(crate) async fn connect(addr: SocketAddr, window_bytes: u32) -> (Client, Driver) {
    let (wire, driver) = speak(window_bytes, dial(addr).await).await;
    (PresenceClient::with_origin(wire, origin(addr)), driver)
}

/// The same for muster's own API.
pub(crate) async fn connect_api(addr: SocketAddr, window_bytes: u32) -> ApiClient {
    let (wire, _driver) = speak(window_bytes, dial(addr).await).await;
    PresenceServiceClient::with_origin(wire, origin(addr))
}

fn origin(addr: SocketAddr) -> Uri {
    format!("http://{addr}").parse().unwrap()
}

/// A client by way of a cable: its connection breaks when that task is aborted.
pub(crate) async fn connect_by_cable(addr: SocketAddr) -> (Client, JoinHandle<()>) {
    let mut socket = dial(addr).await;
    let (near, mut far) = tokio::io::duplex(4096);
    let copy = async move { drop(copy_bidirectional(&mut far, &mut socket).await) };
    let cable = tokio::spawn(copy);
    let (wire, _driver) = speak(WINDOW_BYTES, near).await;
    (PresenceClient::with_origin(wire, origin(addr)), cable)
}

async fn dial(addr: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(addr).await.unwrap();
    socket.set_nodelay(true).unwrap();
    socket
}

async fn speak<S>(window_bytes: u32, socket: S) -> (Wire, Driver)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder.initial_stream_window_size(window_bytes);
    let (requests, connection) = builder.handshake(TokioIo::new(socket)).await.unwrap();
    (Wire(requests), tokio::spawn(connection))
}

/// The settings of a service whose users may have so many connections.
pub(crate) fn config(connections_per_user: u32) -> Config {
    let connections_per_user = connections_per_user.to_string();
    let settings = [("connections-per-user", connections_per_user.as_str())];
    Config::read(&Settings::for_test(&settings)).unwrap()
}

/// A service on a free port.
pub(crate) struct Running {
    pub(crate) addr: SocketAddr,
    pub(crate) shutdown: Shutdown,
    service: JoinHandle<()>,
}

impl Running {
    /// The service as it is.
    pub(crate) async fn start() -> Self {
        Self::with_config(config(1000)).await
    }

    /// The service with other settings.
    pub(crate) async fn with_config(config: Config) -> Self {
        let listener = Listener::on_free_port().await.unwrap();
        let context = Context::for_test(SERVICE.name);
        let (addr, shutdown) = (listener.local_addr(), context.shutdown.clone());
        let service = muster_presence::run(config, listener, context);
        Self {
            addr,
            shutdown,
            service: tokio::spawn(async { service.await.unwrap() }),
        }
    }

    /// The service with other limits.
    pub(crate) async fn with(limits: Limits, streams_max: usize) -> Self {
        let listener = Listener::on_free_port().await.unwrap();
        let context = Context::for_test(SERVICE.name);
        let (addr, shutdown) = (listener.local_addr(), context.shutdown.clone());
        let origin = Origin {
            replica: "here".into(),
            incarnation: 1,
        };
        let roster = Roster::new(origin, RosterLimits::default());
        let api = PresenceServer::new(Compat::new(roster, streams_max, shutdown.clone()));
        let server = Server::new(&context).grpc(api).limits(limits);
        let service = async { server.serve(listener).await.unwrap() };
        Self {
            addr,
            shutdown,
            service: tokio::spawn(service),
        }
    }

    /// A client with a connection of its own.
    pub(crate) async fn client(&self) -> Client {
        connect(self.addr, WINDOW_BYTES).await.0
    }

    /// The same for muster's own API.
    pub(crate) async fn api(&self) -> ApiClient {
        connect_api(self.addr, WINDOW_BYTES).await
    }

    /// Waits until the service has returned.
    pub(crate) async fn ended(self) {
        in_time(self.service).await.unwrap();
    }
}

/// A monitor of a user.
pub(crate) struct Watcher(Streaming<OnlineStatus>);

impl Watcher {
    pub(crate) async fn of(client: &mut Client, name: &str) -> Self {
        Self(
            in_time(client.monitor(user(name)))
                .await
                .unwrap()
                .into_inner(),
        )
    }

    /// The next message.
    pub(crate) async fn next(&mut self) -> bool {
        in_time(self.0.message())
            .await
            .unwrap()
            .expect("a message")
            .online
    }

    /// Whether no message has come.
    pub(crate) fn is_silent(&mut self) -> bool {
        self.0.message().now_or_never().is_none()
    }

    /// All messages until the stop ends the stream.
    pub(crate) async fn until_end(&mut self) -> Vec<bool> {
        let mut rest = Vec::new();
        loop {
            match in_time(self.0.message()).await {
                Ok(status) => rest.push(status.expect("an end with a status").online),
                Err(end) => {
                    assert_eq!(end.code(), Code::Unavailable, "{end}");
                    return rest;
                }
            }
        }
    }
}

pub(crate) fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
    }
}

pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    timeout(DEADLINE, work).await.expect("in time")
}
