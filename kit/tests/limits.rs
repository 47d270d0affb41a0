//! The limits of the serve loop over a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use muster_kit::channel::Channel;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::{Limits, Server};
use muster_proto::health::v1::HealthCheckRequest;
use muster_proto::health::v1::health_client::HealthClient;
use muster_testkit::eventually;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
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
