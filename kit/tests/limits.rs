//! The limits of the serve loop over a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use muster_kit::channel::Channel;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::{Limits, Server, StreamRate};
use muster_proto::health::v1::HealthCheckRequest;
use muster_proto::health::v1::health_client::HealthClient;
use muster_testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

/// A port with nothing on it but health.
async fn start(limits: Limits) -> (SocketAddr, Context) {
    let context = Context::for_test("test");
    let listener = Listener::on_free_port().await.unwrap();
    let addr = listener.local_addr();
    let server = Server::new(&context).limits(limits);
    tokio::spawn(async move { server.serve(listener).await.unwrap() });
    context
        .health
        .watch()
        .wait_for(|serving| *serving)
        .await
        .unwrap();
    (addr, context)
}

async fn connect(addr: SocketAddr) -> SendRequest<Full<Bytes>> {
    let socket = TcpStream::connect(addr).await.unwrap();
    let (send, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(socket))
        .await
        .unwrap();
    tokio::spawn(connection);
    send
}

/// A call of a health method, as bytes: an empty request.
fn health(addr: SocketAddr, method: &str) -> Request<Full<Bytes>> {
    Request::post(format!("http://{addr}/grpc.health.v1.Health/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(Bytes::from_static(&[0; 5])))
        .unwrap()
}

#[tokio::test]
async fn a_connection_beyond_the_limit_waits_for_its_turn() {
    let (addr, _context) = start(Limits {
        connections: 1,
        ..Limits::default()
    })
    .await;
    let mut first = connect(addr).await;
    first.send_request(health(addr, "Check")).await.unwrap();
    let mut second = TcpStream::connect(addr).await.unwrap();
    let hello = b"GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    second.write_all(hello).await.unwrap();
    let mut answer = String::new();
    let early = timeout(
        Duration::from_millis(200),
        second.read_to_string(&mut answer),
    )
    .await;
    assert!(
        early.is_err(),
        "the first one holds the only place: {answer}"
    );
    drop(first);
    timeout(SOON, second.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
}

#[tokio::test]
async fn an_old_connection_takes_no_new_calls_while_its_streams_live_on() {
    let connection_age = Duration::from_millis(300);
    let (addr, context) = start(Limits {
        connection_age,
        ..Limits::default()
    })
    .await;
    let mut old = connect(addr).await;
    let mut watch = old
        .send_request(health(addr, "Watch"))
        .await
        .unwrap()
        .into_body();
    watch.frame().await.unwrap().unwrap();
    eventually(SOON, || {
        let check = old.send_request(health(addr, "Check"));
        async { check.await.err() }
    })
    .await;

    // The stream is open still: it tells of the next change.
    let need = context.health.need("something");
    let told = timeout(SOON, watch.frame())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(told.is_data(), "{told:?}");
    need.met();
    let told = timeout(SOON, watch.frame())
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(told.is_data(), "{told:?}");
}

#[tokio::test]
async fn a_channel_goes_on_beside_a_stream_that_outlives_its_connection() {
    let connection_age = Duration::from_millis(100);
    let (addr, _context) = start(Limits {
        connection_age,
        ..Limits::default()
    })
    .await;
    let mut client = HealthClient::new(Channel::to(&addr.to_string()));
    let mut watch = client
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    watch.message().await.unwrap();
    let started = std::time::Instant::now();
    while started.elapsed() < 5 * connection_age {
        client.check(HealthCheckRequest::default()).await.unwrap();
    }
    drop(watch);
}

#[tokio::test]
async fn streams_beyond_the_limit_wait_on_the_client() {
    let (addr, _context) = start(Limits {
        streams_per_connection: 2,
        ..Limits::default()
    })
    .await;
    let mut send = connect(addr).await;
    let mut watches = Vec::new();
    for _ in 0..2 {
        let mut watch = send
            .send_request(health(addr, "Watch"))
            .await
            .unwrap()
            .into_body();
        watch.frame().await.unwrap().unwrap();
        watches.push(watch);
    }
    let mut third = std::pin::pin!(send.send_request(health(addr, "Check")));
    let early = timeout(Duration::from_millis(200), third.as_mut()).await;
    assert!(early.is_err(), "two streams are open");
    watches.pop();
    timeout(SOON, third).await.unwrap().unwrap();
}

#[tokio::test]
async fn headers_beyond_the_limit_are_refused() {
    let (addr, _context) = start(Limits {
        header_bytes: 1024,
        ..Limits::default()
    })
    .await;
    let mut send = connect(addr).await;
    let mut request = health(addr, "Check");
    request
        .headers_mut()
        .insert("x-long", "x".repeat(5000).parse().unwrap());
    let refused = send.send_request(request).await;
    let is_refused = match &refused {
        Ok(answer) => answer.status() == 431,
        Err(_) => true,
    };
    assert!(is_refused, "{refused:?}");
    let mut send = connect(addr).await;
    send.send_request(health(addr, "Check")).await.unwrap();
}

/// What an HTTP/2 client begins with: the preface, and settings that change nothing.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// A frame that the peer must answer.
const PING: &[u8] = b"\0\0\x08\x06\0\0\0\0\0muster!!";
/// The head of its answer.
const PONG: &[u8] = b"\0\0\x08\x06\x01\0\0\0\0";

async fn greet(addr: SocketAddr) -> TcpStream {
    let mut socket = TcpStream::connect(addr).await.unwrap();
    socket.write_all(GREETING).await.unwrap();
    socket
}

/// Opens a stream by the smallest request there is (POST / over http), and resets it at once.
fn opened_and_reset(stream: u32) -> Vec<u8> {
    let id = stream.to_be_bytes();
    let (open, reset) = ([0, 0, 3, 1, 4], [0, 0, 4, 3, 0]);
    let (request, cancel) = ([0x83, 0x84, 0x86], [0, 0, 0, 8]);
    [&open[..], &id, &request, &reset, &id, &cancel].concat()
}

async fn read_pong(socket: &mut TcpStream) {
    let mut read = Vec::new();
    while !read.windows(PONG.len()).any(|bytes| bytes == PONG) {
        assert_ne!(socket.read_buf(&mut read).await.unwrap(), 0, "{read:?}");
    }
}

#[tokio::test]
async fn a_flood_of_streams_that_are_reset_is_read_no_faster_than_the_limit() {
    let (addr, _context) = start(Limits {
        stream_rate: Some(StreamRate {
            per_s: 1000,
            burst: 100,
        }),
        pending_reset_streams: Some(10_000),
        ..Limits::default()
    })
    .await;
    let start = Instant::now();
    let mut flood = greet(addr).await;
    let streams = (0..1600).map(|number| opened_and_reset(2 * number + 1));
    let frames: Vec<u8> = streams.flatten().chain(PING.iter().copied()).collect();
    flood.write_all(&frames).await.unwrap();

    // Another connection is not concerned.
    let mut other = connect(addr).await;
    let check = other.send_request(health(addr, "Check"));
    timeout(SOON, check).await.unwrap().unwrap();
    assert!(start.elapsed() < Duration::from_secs(1));
    timeout(SOON, read_pong(&mut flood)).await.unwrap();
    // The last few hundred came in one read.
    assert!(
        start.elapsed() >= Duration::from_secs(1),
        "slowed down, and not ended"
    );
}

#[tokio::test]
async fn connections_that_take_turns_have_all_their_calls_answered() {
    let (addr, _context) = start(Limits {
        turn_bytes: Some(64),
        ..Limits::default()
    })
    .await;
    let mut calls = Vec::new();
    for _ in 0..20 {
        let mut client = connect(addr).await;
        calls.extend((0..100).map(|_| client.send_request(health(addr, "Check"))));
    }
    for call in calls {
        let answer = timeout(SOON, call).await.unwrap().unwrap();
        assert_eq!(answer.headers()["content-type"], "application/grpc");
    }
}

#[tokio::test]
async fn connections_that_take_no_answers_keep_nobody_from_being_read() {
    let (addr, _context) = start(Limits {
        turn_bytes: Some(256),
        ..Limits::default()
    })
    .await;
    let mut stuck = Vec::new();
    for _ in 0..10 {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        let mut socket = socket.connect(addr).await.unwrap();
        socket.write_all(GREETING).await.unwrap();
        let pings = PING.repeat(4096);
        // Its answers have nowhere to go before long, and then it is not read either.
        while timeout(Duration::from_millis(200), socket.write_all(&pings))
            .await
            .is_ok()
        {}
        stuck.push(socket);
    }
    let mut other = connect(addr).await;
    let check = other.send_request(health(addr, "Check"));
    timeout(SOON, check).await.unwrap().unwrap();
}
