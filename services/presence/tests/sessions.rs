//! Sessions over a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use muster_proto::muster::presence::v1 as pb;
use pb::session_request::Action;
use pb::session_response::News;

mod wire;

use wire::talk::{Talk, disconnect, offline, online, plain, users, values};
use wire::{Running, Watcher, in_time};

/// A device that tells something.
fn busy(user: &str, device: &str) -> pb::Connection {
    pb::Connection {
        device: Some(pb::Device {
            device: device.to_owned(),
            status: "busy".to_owned(),
            metadata: [("theme".to_owned(), "dark".to_owned())].into(),
        }),
        ..plain(user)
    }
}

/// Whether a user is online, to whoever asks.
async fn is_online(running: &Running, user: &str) -> bool {
    let request = pb::GetPresenceRequest {
        users: vec![user.to_owned()],
    };
    let known = running.api().await.get_presence(request).await.unwrap();
    known.into_inner().users[0].online
}

#[tokio::test]
async fn one_session_keeps_users_online_and_another_is_told() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    let mut friend = Talk::with(running.api().await).await;
    gateway.connect(vec![busy("Albert", "phone")]).await;

    let (snapshot, _) = friend.watch(users(&["Albert", "Berta"])).await;
    assert_eq!(values(&snapshot), [online("Albert"), offline("Berta")]);
    assert_eq!(
        snapshot[0].devices,
        [busy("Albert", "phone").device.unwrap()]
    );
    let mut monitor = Watcher::of(&mut running.client().await, "Albert").await;
    assert!(monitor.next().await, "the other API agrees");

    gateway.connect(vec![plain("Berta")]).await;
    assert_eq!(friend.changed(1).await, [online("Berta")]);
    gateway.done(disconnect("Berta")).await;
    let changes = friend.changes().await;
    assert_eq!(values(&changes.users), [offline("Berta")]);
    assert!(changes.users[0].last_seen.is_some());
    assert!(monitor.is_silent());
}

#[tokio::test]
async fn when_a_session_ends_its_users_go_each_after_their_grace() {
    let running = Running::start().await;
    let mut friend = Talk::with(running.api().await).await;
    let mut gateway = Talk::with(running.api().await).await;
    friend.watch(users(&["Albert", "Berta"])).await;
    let patient = pb::Connection {
        grace_ms: 3_600_000,
        ..busy("Berta", "phone")
    };
    gateway.connect(vec![plain("Albert"), patient]).await;
    assert_eq!(friend.changed(2).await, [online("Albert"), online("Berta")]);

    drop(gateway);
    let mut last = std::collections::BTreeMap::new();
    while last.get("Albert") != Some(&false) || last.len() < 2 {
        last.extend(friend.changed(1).await);
    }
    assert!(last["Berta"], "without the device, but here");
    assert!(is_online(&running, "Berta").await);
}

#[tokio::test]
async fn bad_parts_are_refused_by_their_fields_and_the_good_ones_done() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    let loud = pb::Connection {
        device: Some(pb::Device {
            status: "x".repeat(257),
            ..pb::Device::default()
        }),
        ..plain("Carl")
    };
    let connections = vec![plain("Albert"), plain(""), loud, plain("Berta")];
    let outcome = gateway
        .done(Action::Connect(pb::Connect { connections }))
        .await;
    let fields: Vec<_> = outcome
        .refusals
        .iter()
        .map(|refusal| &*refusal.field)
        .collect();
    assert_eq!(
        fields,
        [
            "connect.connections[1].user",
            "connect.connections[2].device.status"
        ]
    );
    assert_eq!(outcome.refused_count, 2);

    let (snapshot, _) = gateway.watch(users(&["Albert", "Berta", "Carl"])).await;
    let expected = [online("Albert"), online("Berta"), offline("Carl")];
    assert_eq!(values(&snapshot), expected);
    let outcome = gateway
        .done(Action::Unwatch(pb::Unwatch {
            users: vec![String::new()],
        }))
        .await;
    assert_eq!(outcome.refusals[0].field, "unwatch.users[0]");
}

#[tokio::test]
async fn a_request_without_an_action_is_refused_and_the_next_one_done() {
    let running = Running::start().await;
    let mut client = running.api().await;
    let empty = pb::SessionRequest {
        request_id: 7,
        action: None,
    };
    let watch = pb::SessionRequest {
        request_id: 8,
        action: Some(Action::Watch(users(&["Albert"]))),
    };
    let asked = tokio_stream::iter([empty, watch]);
    let mut told = in_time(client.session(asked)).await.unwrap().into_inner();
    let mut next = async || {
        in_time(told.message())
            .await
            .unwrap()
            .unwrap()
            .news
            .unwrap()
    };
    let News::Outcome(outcome) = next().await else {
        panic!("expected an outcome");
    };
    assert_eq!(
        (outcome.request_id, &*outcome.refusals[0].field),
        (7, "action")
    );
    assert!(matches!(next().await, News::Outcome(_)));
    assert!(matches!(next().await, News::Snapshot(_)));
    // Nothing more is asked for, and there is news all the same.
    let _device = running
        .client()
        .await
        .connect(wire::user("Albert"))
        .await
        .unwrap();
    assert!(matches!(next().await, News::Changes(_)));
}

#[tokio::test]
async fn a_user_has_so_many_connections_in_all_sessions_together() {
    let running = Running::with_config(wire::config(2)).await;
    let mut gateway = Talk::with(running.api().await).await;
    gateway
        .connect(vec![plain("Albert"), busy("Albert", "phone")])
        .await;
    gateway.connect(vec![busy("Albert", "phone")]).await;

    let mut other = Talk::with(running.api().await).await;
    let connections = vec![plain("Albert"), plain("Berta")];
    let outcome = other
        .done(Action::Connect(pb::Connect { connections }))
        .await;
    assert_eq!(outcome.refusals.len(), 1);
    let refusal = &outcome.refusals[0];
    assert_eq!(refusal.field, "connect.connections[0]");
    assert!(refusal.is_for_now);
    let refused = running.client().await.connect(wire::user("Albert")).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::ResourceExhausted);

    gateway.done(disconnect("Albert")).await;
    other.connect(vec![plain("Albert")]).await;
}

#[tokio::test]
async fn one_request_has_10_000_devices_at_most() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    let names: Vec<_> = (0..10_001).map(|number| format!("user-{number}")).collect();
    let connections = names.iter().map(|name| plain(name)).collect();
    let outcome = gateway
        .done(Action::Connect(pb::Connect { connections }))
        .await;
    assert_eq!(outcome.refused_count, 1);
    assert_eq!(outcome.refusals[0].field, "connect.connections[10000]");
    assert!(outcome.refusals[0].is_for_now);

    let mut friend = Talk::with(running.api().await).await;
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (snapshot, _) = friend.watch(users(&names)).await;
    let online = snapshot.iter().filter(|presence| presence.online).count();
    assert_eq!((snapshot.len(), online), (10_001, 10_000));

    drop(gateway);
    let gone = friend.changed(10_000).await;
    assert_eq!(gone.len(), 10_000);
    assert!(gone.iter().all(|(_, online)| !online));
}

#[tokio::test]
async fn a_client_that_comes_back_is_told_what_it_missed_and_no_more() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    gateway.connect(vec![plain("Albert")]).await;
    let mut friend = Talk::with(running.api().await).await;
    let watch = users(&["Albert", "Berta", "Carl"]);
    friend.watch(watch.clone()).await;
    gateway.connect(vec![plain("Carl")]).await;
    let cursor = friend.changes().await.cursor;
    drop(friend);
    gateway.connect(vec![plain("Berta")]).await;

    let mut friend = Talk::with(running.api().await).await;
    let (missed, last) = friend
        .watch(pb::Watch {
            cursor,
            ..watch.clone()
        })
        .await;
    assert!(last.is_resumed);
    assert_eq!(values(&missed), [online("Berta")]);
    gateway.done(disconnect("Albert")).await;
    assert_eq!(friend.changed(1).await, [offline("Albert")]);

    let cursor = "of another replica".to_owned();
    let (all, last) = friend.watch(pb::Watch { cursor, ..watch }).await;
    assert!(!last.is_resumed);
    assert_eq!(
        values(&all),
        [offline("Albert"), online("Berta"), online("Carl")]
    );
}

#[tokio::test]
async fn a_watched_set_is_replaced() {
    let running = Running::start().await;
    let mut friend = Talk::with(running.api().await).await;
    friend.watch(users(&["Albert", "Berta"])).await;
    let replace = true;
    let (snapshot, _) = friend
        .watch(pb::Watch {
            replace,
            ..users(&["Carl"])
        })
        .await;
    assert_eq!(values(&snapshot), [offline("Carl")]);
    let mut gateway = Talk::with(running.api().await).await;
    gateway
        .connect(vec![plain("Albert"), plain("Berta"), plain("Carl")])
        .await;
    assert_eq!(friend.changed(1).await, [online("Carl")]);
}

#[tokio::test]
async fn a_slow_client_is_told_the_latest_state_and_not_those_before() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    let mut quick = Talk::with(running.api().await).await;
    let mut slow = Talk::with(wire::connect_api(running.addr, 1).await).await;
    quick.watch(users(&["Albert"])).await;
    slow.watch(users(&["Albert"])).await;
    for _ in 0..200 {
        gateway.connect(vec![plain("Albert")]).await;
        assert_eq!(quick.changed(1).await, [online("Albert")]);
        gateway.done(disconnect("Albert")).await;
        assert_eq!(quick.changed(1).await, [offline("Albert")]);
    }
    gateway.connect(vec![busy("Albert", "phone")]).await;
    assert_eq!(quick.changed(1).await, [online("Albert")]);

    let mut told = 0;
    while slow.changes().await.users[0].devices.is_empty() {
        told += 1;
    }
    assert!(told < 20, "{told} of 400 were told");
}

#[tokio::test]
async fn a_stop_ends_sessions_and_their_friends_are_not_told_that_anybody_went() {
    let running = Running::start().await;
    let mut gateway = Talk::with(running.api().await).await;
    gateway.connect(vec![plain("Albert")]).await;
    let mut monitor = Watcher::of(&mut running.client().await, "Albert").await;
    assert!(monitor.next().await);
    running.shutdown.cancel();
    gateway.ended().await;
    assert_eq!(monitor.until_end().await, [false; 0]);
    running.ended().await;
}
