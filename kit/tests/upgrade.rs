//! Connections that leave HTTP behind, over a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use muster_kit::Shutdown;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::{Caller, Server, Upgrade, Upgraded};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

const SWITCH: &str = "GET /echo HTTP/1.1\r\nconnection: upgrade\r\nupgrade: echo\r\n";

/// Answers with the caller's port, then with whatever comes.
async fn echo(
    Extension(caller): Extension<Caller>,
    upgrade: Option<Extension<Upgrade>>,
) -> Response {
    let Some(Extension(upgrade)) = upgrade else {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    };
    upgrade.spawn(move |upgraded| repeat(caller, upgraded));
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

async fn repeat(caller: Caller, upgraded: Upgraded) {
    let Upgraded { mut socket, read } = upgraded;
    let port = caller.addr.port().to_string();
    socket.write_all(port.as_bytes()).await.unwrap();
    socket.write_all(&read).await.unwrap();
    let (mut from, mut to) = tokio::io::split(socket);
    tokio::io::copy(&mut from, &mut to).await.unwrap();
}

struct Running {
    addr: SocketAddr,
    shutdown: Shutdown,
    served: JoinHandle<()>,
}

impl Running {
    async fn start(drain: Duration) -> Running {
        let context = Context {
            drain,
            ..Context::for_test("test")
        };
        let listener = Listener::on_free_port().await.unwrap();
        let addr = listener.local_addr();
        let shutdown = context.shutdown.clone();
        let server = Server::new(&context).http(axum::Router::new().route("/echo", get(echo)));
        let served = tokio::spawn(async move { server.serve(listener).await.unwrap() });
        Running {
            addr,
            shutdown,
            served,
        }
    }

    /// A connection on which this was sent, and the head of the answer.
    async fn ask(&self, request: &str) -> (TcpStream, String) {
        let mut socket = TcpStream::connect(self.addr).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(socket.read_u8().await.unwrap());
        }
        (socket, String::from_utf8(head).unwrap())
    }

    /// Stops it, and tells how long it took to end.
    async fn stop(self) -> Duration {
        let started = Instant::now();
        self.shutdown.cancel();
        self.served.await.unwrap();
        started.elapsed()
    }
}

async fn expect(socket: &mut TcpStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    socket.read_exact(&mut bytes).await.unwrap();
    assert_eq!(String::from_utf8(bytes).unwrap(), expected);
}

#[tokio::test]
async fn the_handler_gets_the_bare_socket_and_all_that_was_sent_on_it() {
    let running = Running::start(Duration::from_secs(5)).await;
    let (mut socket, head) = running
        .ask(&format!("{SWITCH}host: localhost\r\n\r\nat once"))
        .await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert!(!head.contains("x-request-id"), "nothing failed: {head}");
    let port = socket.local_addr().unwrap().port().to_string();
    expect(&mut socket, &format!("{port}at once")).await;
    socket.write_all(b", and later").await.unwrap();
    expect(&mut socket, ", and later").await;
    drop(socket);
    running.stop().await;
}

#[tokio::test]
async fn who_asks_for_no_other_protocol_cannot_be_upgraded() {
    let running = Running::start(Duration::from_secs(5)).await;
    let (_, head) = running
        .ask("GET /echo HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    assert!(head.starts_with("HTTP/1.1 426 "), "{head}");
}

#[tokio::test]
async fn an_upgrade_for_a_page_of_a_foreign_origin_is_refused() {
    let running = Running::start(Duration::from_secs(5)).await;
    for headers in [
        "host: localhost\r\norigin: https://evil.example\r\n",
        "host: evil.example\r\n",
    ] {
        let (_, head) = running.ask(&format!("{SWITCH}{headers}\r\n")).await;
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    }
    let own = format!("{SWITCH}host: localhost\r\norigin: http://localhost\r\n\r\n");
    let (_, head) = running.ask(&own).await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
}

#[tokio::test]
async fn a_stop_waits_for_what_was_upgraded() {
    let running = Running::start(Duration::from_secs(20)).await;
    let (mut socket, _) = running
        .ask(&format!("{SWITCH}host: localhost\r\n\r\n"))
        .await;
    let port = socket.local_addr().unwrap().port().to_string();
    expect(&mut socket, &port).await;
    running.shutdown.cancel();
    // The port is closed once the drain has begun.
    while TcpStream::connect(running.addr).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!running.served.is_finished());
    socket.write_all(b"still there").await.unwrap();
    expect(&mut socket, "still there").await;
    drop(socket);
    let took = running.stop().await;
    assert!(took < Duration::from_secs(10), "took {took:?}");
}

#[tokio::test]
async fn a_stop_waits_no_longer_than_its_deadline_for_what_was_upgraded() {
    let drain = Duration::from_millis(300);
    let running = Running::start(drain).await;
    let (mut socket, _) = running
        .ask(&format!("{SWITCH}host: localhost\r\n\r\n"))
        .await;
    let port = socket.local_addr().unwrap().port().to_string();
    expect(&mut socket, &port).await;
    let took = running.stop().await;
    assert!(
        took >= drain && took < Duration::from_secs(3),
        "took {took:?}"
    );
}
