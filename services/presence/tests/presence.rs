//! The service over a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use muster_proto::compat::presence::User;
use tonic::Code;
use tonic_types::StatusExt;

mod wire;

use wire::{Running, Watcher, user};

#[tokio::test]
async fn a_monitor_is_told_the_present_value_and_then_each_change() {
    let running = Running::start().await;
    let mut early = Watcher::of(&mut running.client().await, "Albert").await;
    assert!(!early.next().await);

    let device = running
        .client()
        .await
        .connect(user("Albert"))
        .await
        .unwrap();
    assert!(early.next().await);
    let mut late = Watcher::of(&mut running.client().await, "Albert").await;
    assert!(late.next().await);

    drop(device);
    assert!(!early.next().await);
    assert!(!late.next().await);
}

#[tokio::test]
async fn a_second_device_is_silent_until_the_last_one_leaves() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let mut albert = Watcher::of(&mut client, "Albert").await;
    assert!(!albert.next().await);
    let phone = client.connect(user("Albert")).await.unwrap();
    assert!(albert.next().await);

    let laptop = client.connect(user("Albert")).await.unwrap();
    drop(phone);
    // By the time that another user is seen to come and go, the phone's leaving is seen too.
    let mut fence = Watcher::of(&mut client, "Fence").await;
    assert!(!fence.next().await);
    drop(client.connect(user("Fence")).await.unwrap());
    while fence.next().await {}
    assert!(albert.is_silent());

    drop(laptop);
    assert!(!albert.next().await);
}

#[tokio::test]
async fn a_device_whose_connection_breaks_is_gone() {
    let running = Running::start().await;
    let mut albert = Watcher::of(&mut running.client().await, "Albert").await;
    assert!(!albert.next().await);
    let (mut client, cable) = wire::connect_by_cable(running.addr).await;
    let _device = client.connect(user("Albert")).await.unwrap();
    assert!(albert.next().await);
    cable.abort();
    assert!(!albert.next().await);
}

#[tokio::test]
async fn a_slow_monitor_is_told_the_latest_value_and_not_the_ones_before() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let mut quick = Watcher::of(&mut client, "Albert").await;
    assert!(!quick.next().await);
    // Its window is full after one message, and it reads nothing yet.
    let (mut narrow, _connection) = wire::connect(running.addr, 1).await;
    let mut slow = Watcher::of(&mut narrow, "Albert").await;

    for _ in 0..200 {
        let device = client.connect(user("Albert")).await.unwrap();
        assert!(quick.next().await);
        drop(device);
        assert!(!quick.next().await);
    }
    let _device = client.connect(user("Albert")).await.unwrap();
    assert!(quick.next().await);

    assert!(!slow.next().await, "what was sent at first");
    assert!(slow.next().await, "what is");
    running.shutdown.cancel();
    // The device may be gone before the monitors are: that much may still be told.
    let rest = slow.until_end().await;
    assert!(rest.is_empty() || rest == [false], "{rest:?}");
}

#[tokio::test]
async fn a_stop_ends_all_streams_with_unavailable_and_the_service_returns() {
    let running = Running::start().await;
    let mut client = running.client().await;
    let mut albert = Watcher::of(&mut client, "Albert").await;
    assert!(!albert.next().await);
    let mut device = client.connect(user("Berta")).await.unwrap().into_inner();

    running.shutdown.cancel();
    let end = wire::in_time(device.message()).await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
    assert_eq!(albert.until_end().await, [false; 0]);
    drop((client, device, albert));
    running.ended().await;
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_by_its_field_and_the_next_call_is_served() {
    let running = Running::start().await;
    let mut client = running.client().await;
    for name in [String::new(), "a".repeat(256)] {
        let connect = client
            .connect(User { name: name.clone() })
            .await
            .unwrap_err();
        let monitor = client.monitor(User { name }).await.unwrap_err();
        for refusal in [connect, monitor] {
            assert_eq!(refusal.code(), Code::InvalidArgument);
            let named = refusal.get_details_bad_request().unwrap();
            assert_eq!(named.field_violations[0].field, "name");
        }
        assert!(!Watcher::of(&mut client, "Albert").await.next().await);
    }
}

#[tokio::test]
async fn beyond_the_limit_a_stream_is_refused_until_another_one_ends() {
    let running = Running::with(muster_presence::limits(), 2).await;
    let mut client = running.client().await;
    let mut albert = Watcher::of(&mut client, "Albert").await;
    assert!(!albert.next().await);
    let device = client.connect(user("Albert")).await.unwrap();
    assert!(albert.next().await);
    let refusal = client.connect(user("Berta")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ResourceExhausted);

    drop(device);
    assert!(!albert.next().await);
    muster_testkit::eventually(wire::DEADLINE, async || {
        client.clone().connect(user("Berta")).await.ok()
    })
    .await;
}
