//! Accepts connections, serves each in a task of its own, and ends them all in time.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto;
use metrics::{Counter, counter, gauge};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::TaskTracker;

use super::edge::Edge;
use super::gather::Gather;
use super::intake::Intake;
use super::limits::Limits;
use super::preface::prompt;
use super::turn::Turns;
use super::upgrade::Served;
use crate::Shutdown;
use crate::listen::Listener;
use crate::tls::{Accepted, Stream, Tls};

/// How long accepting rests when the process has run out of something (file descriptors, say).
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// How long a peer whose handshake failed may take to read why.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long the cut connections may take to go.
const CUT: Duration = Duration::from_secs(1);

type Builder = auto::Builder<Tracked>;

/// Runs hyper's tasks where a drain waits for them; its own executor detaches the streams.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

/// What the tasks of one port share.
struct Port {
    edge: Edge,
    tls: Tls,
    builder: Builder,
    turns: Turns,
    limits: Limits,
    tasks: TaskTracker,
    stop: Shutdown,
    kill: Shutdown,
}

/// Serves connections until `stop` fires, then GOAWAY, then waits up to `drain` for what is
/// under way, then cuts the rest.
pub(super) async fn serve(
    listener: Listener,
    edge: Edge,
    tls: Tls,
    limits: Limits,
    stop: Shutdown,
    drain: Duration,
) {
    let tasks = TaskTracker::new();
    let port = Arc::new(Port {
        edge,
        tls,
        builder: builder(&limits, &tasks),
        turns: Turns::new(limits.turn_bytes),
        limits,
        tasks,
        stop,
        kill: Shutdown::new(),
    });
    tokio::select! {
        () = accept_all(&port, &listener) => {}
        () = port.stop.cancelled() => {}
    }
    drop(listener);
    port.tasks.close();
    if timeout(drain, port.tasks.wait()).await.is_err() {
        let cut = port.tasks.len();
        tracing::warn!(service = port.edge.service(), cut, "drain deadline reached");
        port.kill.cancel();
        let _gone = timeout(CUT, port.tasks.wait()).await;
    }
}

fn builder(limits: &Limits, tasks: &TaskTracker) -> Builder {
    let mut builder = auto::Builder::new(Tracked(tasks.clone()));
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.preface_timeout)
        .max_buf_size(64 * 1024);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection)
        .keep_alive_interval(limits.keepalive_interval)
        .keep_alive_timeout(limits.keepalive_timeout)
        .max_header_list_size(limits.header_bytes)
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes);
    if let Some(most) = limits.pending_reset_streams {
        builder.http2().max_pending_accept_reset_streams(most);
    }
    if let Some(most) = limits.local_error_resets {
        builder.http2().max_local_error_reset_streams(most);
    }
    builder
}

async fn accept_all(port: &Arc<Port>, listener: &Listener) {
    let places = Arc::new(Semaphore::new(port.limits.connections));
    let held_back = tell_limit(port);
    loop {
        if places.available_permits() == 0 {
            held_back.increment(1);
        }
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((socket, peer)) => {
                let serving = serve_connection(Arc::clone(port), socket, peer, place);
                port.tasks.spawn(serving);
            }
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                counter!("server_accept_errors_total", "service" => port.edge.service())
                    .increment(1);
                tracing::warn!(service = port.edge.service(), %error, "cannot accept, resting");
                sleep(ACCEPT_BACKOFF).await;
            }
        }
    }
}

/// Tells how many connections there may be; counts how often those are too few.
fn tell_limit(port: &Port) -> Counter {
    let service = port.edge.service();
    gauge!("server_connections_limit", "service" => service).set(port.limits.connections as f64);
    // Open ones are counted by all ports of a service, and errors from 0 on.
    gauge!("server_connections", "service" => service).increment(0);
    counter!("server_accept_errors_total", "service" => service).increment(0);
    counter!("server_handshake_errors_total", "service" => service).increment(0);
    let held_back = counter!("server_connections_held_back_total", "service" => service);
    held_back.increment(0);
    held_back
}

/// The connection was gone before it was accepted.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

async fn serve_connection(
    port: Arc<Port>,
    socket: TcpStream,
    peer: SocketAddr,
    _place: OwnedSemaphorePermit,
) {
    let open = gauge!("server_connections", "service" => port.edge.service());
    open.increment(1);
    // Answers are small and written whole: Nagle would only hold them back.
    let _best_effort = socket.set_nodelay(true);
    let stream = match port.tls.acceptor() {
        // In a box: connections in the clear are not to grow by what a handshake needs.
        Some(acceptor) => Box::pin(shake_hands(&port, acceptor, socket, peer)).await,
        None => Some(Stream::Plain(socket)),
    };
    if let Some(stream) = stream {
        serve_stream(&port, stream, peer).await;
    }
    open.decrement(1);
}

/// The stream of a connection within TLS; `None`: the handshake failed, or took too long, or the port stops.
async fn shake_hands(
    port: &Port,
    acceptor: TlsAcceptor,
    socket: TcpStream,
    peer: SocketAddr,
) -> Option<Accepted> {
    let handshake = acceptor.accept(socket).into_fallible();
    let shaken = tokio::select! {
        shaken = timeout(port.limits.preface_timeout, handshake) => shaken,
        () = port.stop.cancelled() => return None,
    };
    let (error, socket) = match shaken {
        Ok(Ok(stream)) => return Some(Stream::Tls(Box::new(stream))),
        Ok(Err((error, socket))) => (error, Some(socket)),
        Err(_late) => (io::ErrorKind::TimedOut.into(), None),
    };
    let service = port.edge.service();
    counter!("server_handshake_errors_total", "service" => service).increment(1);
    tracing::debug!(service, %peer, %error, "no TLS");
    if let Some(socket) = socket {
        let _long_enough = timeout(LAST_WORDS, hear_out(socket)).await;
    }
    None
}

/// Until the peer hangs up: a socket that is closed with bytes unread would take back the alert that says why.
async fn hear_out(mut socket: TcpStream) -> io::Result<()> {
    socket.shutdown().await?;
    let mut bytes = [0; 1024];
    while socket.read(&mut bytes).await? > 0 {}
    Ok(())
}

async fn serve_stream(port: &Port, stream: Accepted, peer: SocketAddr) {
    let turn = port.turns.turn();
    let scheme = match stream {
        Stream::Plain(_) => "http",
        Stream::Tls(_) => "https",
    };
    let socket = prompt(stream, port.limits.preface_timeout);
    let socket = Intake::new(socket, turn.clone(), port.limits.stream_rate);
    let io = Served::new(Gather::new(socket));
    let entrance = port.edge.entrance(peer, scheme, &turn, &port.tasks);
    let connection = port.builder.serve_connection_with_upgrades(io, entrance);
    tokio::pin!(connection);
    let end = tokio::select! {
        result = turn.drive(connection.as_mut()) => Some(result),
        () = port.stop.cancelled() => None,
        () = sleep(age(port.limits.connection_age)) => None,
        () = port.kill.cancelled() => return,
    };
    let end = match end {
        Some(end) => Some(end),
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = turn.drive(connection.as_mut()) => Some(result),
                () = port.kill.cancelled() => None,
            }
        }
    };
    if let Some(Err(error)) = end {
        tracing::debug!(service = port.edge.service(), error, "connection ended");
    }
}

/// The age limit of one connection: within a tenth of the common one, so that connections
/// opened together do not end together.
fn age(limit: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) as f64 / u64::MAX as f64;
    limit.mul_f64(0.9 + 0.2 * random)
}
