//! Who is online.

use serde_json::{Value, json};

use crate::client::Client;
use crate::site::Site;

/// Monitors users, and returns what is told first.
async fn monitor(client: &mut Client, users: Value) -> Value {
    client
        .send(json!({"type": "monitor", "users": users}))
        .await;
    client.next().await
}

fn told(states: &[(i64, bool)]) -> Value {
    let state = |(user, online): &(i64, bool)| json!({"user": user.to_string(), "online": online});
    json!({"type": "presence", "users": states.iter().map(state).collect::<Vec<_>>()})
}

#[tokio::test]
async fn whoever_is_connected_is_online_and_their_friends_are_told() {
    let site = Site::start().await;
    let mut friend = site.connect().await;
    assert_eq!(
        monitor(&mut friend, json!([1, "2"])).await,
        told(&[(1, false), (2, false)])
    );
    let mut client = site.connect().await;
    client.subscribe(1).await;
    assert_eq!(friend.next().await, told(&[(1, true)]));
    let mut another = site.connect().await;
    assert_eq!(monitor(&mut another, json!([1])).await, told(&[(1, true)]));
}

#[tokio::test]
async fn who_reloads_a_page_does_not_go_and_come_and_who_goes_is_gone_after_the_grace() {
    let site = Site::start().await;
    let mut friend = site.connect().await;
    let mut client = site.connect().await;
    client.subscribe(1).await;
    // By then presence knows.
    while monitor(&mut friend, json!([1])).await != told(&[(1, true)]) {}
    for _ in 0..3 {
        drop(client);
        client = site.connect().await;
        client.subscribe(1).await;
    }
    friend.nothing_else().await;
    drop(client);
    assert_eq!(friend.next().await, told(&[(1, false)]));
}

#[tokio::test]
async fn a_new_set_of_users_replaces_the_old_one() {
    let site = Site::start().await;
    let mut friend = site.connect().await;
    monitor(&mut friend, json!([1, 2])).await;
    assert_eq!(
        monitor(&mut friend, json!([2, 3])).await,
        told(&[(2, false), (3, false)])
    );
    let mut client = site.connect().await;
    client.subscribe(1).await;
    client.subscribe(3).await;
    assert_eq!(friend.next().await, told(&[(3, true)]));
    friend.send(json!({"type": "monitor", "users": []})).await;
    client.subscribe(2).await;
    friend.nothing_else().await;
}

#[tokio::test]
async fn without_presence_events_are_told_and_once_it_is_back_so_is_who_is_online() {
    let mut site = Site::start().await;
    site.presence.process().sigkill();
    let mut client = site.connect().await;
    client.subscribe(1).await;
    let mut friend = site.connect().await;
    friend
        .send(json!({"type": "monitor", "users": [1, 2]}))
        .await;
    friend.nothing_else().await;
    site.tell(1, "e1", "done").await;
    assert_eq!(client.messages(1).await.0, ["done"]);
    site.presence.restart().await;
    let mut states = friend.next().await;
    while states != told(&[(1, true), (2, false)]) {
        // The friend may be asked for before the client is told to presence.
        assert_eq!(states, told(&[(1, false), (2, false)]));
        assert_eq!(friend.next().await, told(&[(1, true)]));
        states = told(&[(1, true), (2, false)]);
    }
}
