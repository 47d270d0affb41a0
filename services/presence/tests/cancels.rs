//! Cancelling a stream is how one disconnects: any number of them must not end a connection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::future::Future;
use std::task::{Context, Waker};

use muster_kit::server::Limits;

mod wire;

use wire::{Client, Running, Watcher, user};

/// Opens that many streams and cancels them all before the service has seen any.
async fn open_and_cancel(client: &Client, streams: usize) {
    let begin = |_| {
        let mut client = client.clone();
        let mut call = Box::pin(async move { client.connect(user("Storm")).await });
        // Handed to the connection, which sends it when its task runs next.
        assert!(
            call.as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
        call
    };
    let calls: Vec<_> = (0..streams).map(begin).collect();
    tokio::task::yield_now().await;
    drop(calls);
}

#[tokio::test]
async fn with_the_limits_of_h2_a_burst_of_cancels_ends_the_connection() {
    let streams_per_connection = muster_presence::limits().streams_per_connection;
    let limits = Limits {
        streams_per_connection,
        ..Limits::default()
    };
    let running = Running::with(limits, 100_000).await;
    let (mut client, connection) = wire::connect(running.addr, wire::WINDOW_BYTES).await;
    assert!(!Watcher::of(&mut client, "Albert").await.next().await);
    open_and_cancel(&client, 1000).await;
    let end = wire::in_time(connection).await.unwrap();
    assert!(
        end.is_err(),
        "otherwise the limits of the service would prove nothing"
    );
}

#[tokio::test]
async fn thousands_of_cancels_leave_the_connection_and_its_monitors_alone() {
    let running = Running::start().await;
    let (mut client, connection) = wire::connect(running.addr, wire::WINDOW_BYTES).await;
    let mut albert = Watcher::of(&mut client, "Albert").await;
    assert!(!albert.next().await);
    for _ in 0..5 {
        open_and_cancel(&client, 1000).await;
        open_then_cancel(&mut client, 500).await;
    }
    assert!(!connection.is_finished());

    let device = client.connect(user("Albert")).await.unwrap();
    assert!(albert.next().await);
    drop(device);
    assert!(!albert.next().await);
    let mut storm = Watcher::of(&mut client, "Storm").await;
    while storm.next().await {}
    assert!(!connection.is_finished());
}

/// Opens that many streams, waits until the service holds them, and cancels them all.
async fn open_then_cancel(client: &mut Client, streams: usize) {
    let mut open = Vec::new();
    for _ in 0..streams {
        open.push(wire::in_time(client.connect(user("Storm"))).await.unwrap());
    }
    assert!(Watcher::of(client, "Storm").await.next().await);
}
