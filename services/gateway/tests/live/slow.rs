//! A client that does not read.

use std::time::Duration;

use serde_json::json;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::client::Client;
use crate::site::{Site, told};

/// A connection whose own buffer is small.
async fn small(addr: &str) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let socket = socket.connect(addr.parse().unwrap()).await.unwrap();
    Client::over(socket, addr).await.unwrap()
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_with_its_cursor_and_misses_nothing() {
    const EVENTS: usize = 6_000;
    let site = Site::start().await;
    let mut slow = small(&site.gateway.addr()).await;
    slow.subscribe(1).await;
    let mut quick = site.connect().await;
    quick.subscribe(1).await;
    let text = "x".repeat(4_000);
    for from in (0..EVENTS).step_by(50) {
        let of = |n: usize| told(1, &format!("e{n}"), &format!("{n} {text}"));
        site.append((from..from + 50).map(of).collect()).await;
        quick.take(50).await;
    }
    let (mut seen, mut close) = (0, None);
    while close.is_none() {
        match slow.next_or_close().await {
            Ok(frame) => {
                let message = frame["message"].as_str().unwrap();
                assert!(message.starts_with(&format!("{seen} ")), "out of order");
                seen += 1;
            }
            Err(closed) => close = Some(closed),
        }
    }
    let (code, reason) = close.unwrap();
    assert_eq!(code, 1013);
    assert!(seen < EVENTS, "it was never too slow");
    let mut again = site.connect().await;
    again
        .send(json!({"type": "subscribe", "user_id": 1, "after": reason["cursor"]}))
        .await;
    for n in seen..EVENTS {
        let frame = again.next().await;
        assert!(
            frame["message"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{n} "))
        );
    }
    assert_eq!(again.next().await["type"], "live");
}

#[tokio::test]
async fn a_slow_client_of_several_users_is_heard_closing_and_goes_by_its_own_cursors() {
    let site = Site::start().await;
    let mut slow = small(&site.gateway.addr()).await;
    slow.subscribe(1).await;
    slow.subscribe(2).await;
    let text = "x".repeat(2_000);
    for round in 0..150 {
        let of = |n: usize| told(1, &format!("e{round}-{n}"), &text);
        site.append((0..50).map(of).collect()).await;
        // More answers than may wait, once nothing can be written.
        for _ in 0..8 {
            slow.send(json!({"type": "ping"})).await;
        }
    }
    let (code, reason) = slow.closed().await;
    assert_eq!((code, &reason["cursor"]), (1013, &json!(null)));
    let ended = timeout(Duration::from_secs(10), slow.ended()).await;
    assert_eq!(ended, Ok(true));
}

#[tokio::test]
async fn a_client_that_replays_slowly_is_waited_for() {
    const EVENTS: usize = 1_500;
    let site = Site::start().await;
    let text = "x".repeat(8_000);
    for from in (0..EVENTS).step_by(100) {
        let of = |n: usize| told(1, &format!("e{n}"), &format!("{n} {text}"));
        site.append((from..from + 100).map(of).collect()).await;
    }
    let mut slow = small(&site.gateway.addr()).await;
    slow.send(json!({"type": "subscribe", "user_id": 1, "after": ""}))
        .await;
    // Others are served meanwhile.
    let mut other = site.connect().await;
    other.subscribe(2).await;
    site.tell(2, "e1", "meanwhile").await;
    assert_eq!(other.messages(1).await.0, ["meanwhile"]);
    let started = std::time::Instant::now();
    for n in 0..EVENTS {
        let frame = slow.next().await;
        assert!(
            frame["message"]
                .as_str()
                .unwrap()
                .starts_with(&format!("{n} "))
        );
    }
    assert_eq!(slow.next().await["type"], "live");
    assert!(started.elapsed() < Duration::from_secs(20));
}
