//! Subscriptions: who gets what.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::SOON;
use crate::client::Client;
use crate::site::{Site, event, told};

#[tokio::test]
async fn a_subscriber_gets_the_messages_of_that_user_and_nothing_else() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    client.subscribe(1).await;
    site.tell(2, "e1", "for another").await;
    site.tell(1, "e2", "done").await;
    let frame = client.next().await;
    let cursor = frame["cursor"].as_str().unwrap();
    assert_eq!(
        frame,
        json!({"message": "done", "id": "e2", "cursor": cursor})
    );
    client.nothing_else().await;
}

#[tokio::test]
async fn the_websocket_is_at_the_root_of_both_ports_and_the_page_as_well() {
    let site = Site::start().await;
    for addr in [site.gateway.addr(), site.gateway.addr_of("web")] {
        let (status, body) = muster_testkit::get(&addr, "/").await.unwrap();
        assert!(status == 200 && body.contains("<html"), "{status}");
        let socket = tokio::net::TcpStream::connect(&addr).await.unwrap();
        let opened = tokio_tungstenite::client_async(format!("ws://{addr}/"), socket).await;
        assert_eq!(opened.unwrap().1.status(), 101);
        let (status, _) = muster_testkit::get(&addr, "/ws").await.unwrap();
        assert_eq!(status, 426);
    }
}

#[tokio::test]
async fn two_users_on_one_connection_are_told_apart_and_one_can_be_left() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    client.subscribe(1).await;
    client.subscribe(2).await;
    // Once more is no harm.
    client.subscribe(1).await;
    site.tell(1, "e1", "one").await;
    site.tell(2, "e2", "two").await;
    assert_eq!(client.messages(2).await.0, ["one", "two"]);
    client
        .send(json!({"type": "unsubscribe", "user_id": 1}))
        .await;
    client.nothing_else().await;
    site.tell(1, "e3", "three").await;
    site.tell(2, "e4", "four").await;
    assert_eq!(client.messages(1).await.0, ["four"]);
}

#[tokio::test]
async fn a_topic_is_told_with_all_that_the_store_knows() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    client
        .send(json!({"type": "subscribe", "topic": "room/7", "kind": "told"}))
        .await;
    let live = client.next().await;
    assert_eq!(live["type"], "live");
    assert_eq!(
        (&live["topic"], &live["kind"]),
        (&json!("room/7"), &json!("told"))
    );
    let mut other = event("room/7", "e0", "of another kind");
    other.kind = "asked".to_owned();
    let mut with_more = event("room/7", "e1", "hello");
    with_more.attributes.insert("by".into(), "Albert".into());
    site.append(vec![other, event("room/70", "e1", "elsewhere"), with_more])
        .await;
    let frame = client.next().await;
    assert!(frame["received_at"].as_str().unwrap().ends_with('Z'));
    let expected = json!({
        "type": "event", "topic": "room/7", "id": "e1", "kind": "told", "message": "hello",
        "attributes": {"by": "Albert"},
        "received_at": frame["received_at"], "cursor": frame["cursor"],
    });
    assert_eq!(frame, expected);
}

#[tokio::test]
async fn a_prefix_is_told_of_all_its_topics_also_of_users() {
    let site = Site::start().await;
    let mut rooms = site.connect().await;
    rooms
        .send(json!({"type": "subscribe", "topic_prefix": "room/"}))
        .await;
    assert_eq!(rooms.next().await["topic_prefix"], "room/");
    let mut users = site.connect().await;
    users
        .send(json!({"type": "subscribe", "topic_prefix": "user/"}))
        .await;
    assert_eq!(users.next().await["type"], "live");
    site.append(vec![
        event("room/1", "a", "x"),
        told(1, "b", "y"),
        event("room/2", "c", "z"),
    ])
    .await;
    let topics = rooms.take(2).await;
    assert_eq!(
        (&topics[0]["topic"], &topics[1]["topic"]),
        (&json!("room/1"), &json!("room/2"))
    );
    assert_eq!(users.next().await["topic"], "user/1");
}

#[tokio::test]
async fn what_is_no_envelope_is_told_as_a_message() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    client.subscribe(1).await;
    site.append(vec![event("user/1", "e1", "by hand")]).await;
    assert_eq!(client.messages(1).await.0, ["by hand"]);
}

#[tokio::test]
async fn the_subscription_is_logged() {
    let mut site = Site::start().await;
    site.connect().await.subscribe(7).await;
    let log = site.gateway.process().stderr();
    let logged = log.lines().any(|line| {
        line.contains("Subscription received") && line.contains("user_id") && line.contains('7')
    });
    assert!(logged, "{log}");
}

#[tokio::test]
async fn subscribers_hear_what_they_missed_while_activity_was_away() {
    let mut site = Site::start().await;
    let mut client = site.connect().await;
    client.subscribe(1).await;
    site.activity.process().sigkill();
    let mut early = Client::connect(&site.gateway.addr()).await;
    early.subscribe(1).await;
    site.activity.restart().await;
    site.tell(1, "e1", "back").await;
    assert_eq!(client.messages(1).await.0, ["back"]);
    assert_eq!(early.messages(1).await.0, ["back"]);
}

#[tokio::test]
async fn a_close_by_the_client_is_answered() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    client.subscribe(1).await;
    client.send_raw(Message::Close(None)).await;
    let ended = tokio::time::timeout(SOON, client.ended()).await;
    assert!(ended.unwrap(), "cut instead");
}
