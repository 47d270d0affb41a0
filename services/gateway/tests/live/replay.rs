//! Coming back with a cursor.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::client::Client;
use crate::site::{Site, event, told};

/// Subscribes behind a cursor.
async fn resume(client: &mut Client, user: i64, after: &str) {
    client
        .send(json!({"type": "subscribe", "user_id": user, "after": after}))
        .await;
}

#[tokio::test]
async fn what_was_missed_comes_first_then_a_mark_then_what_happens_now() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    client.subscribe(1).await;
    site.tell(1, "e1", "one").await;
    let (_, cursor) = client.messages(1).await;
    drop(client);
    // By what it is told the gateway has heard of it, too.
    let mut other = site.connect().await;
    other.subscribe(1).await;
    site.append(vec![
        told(1, "e2", "two"),
        told(2, "e3", "other"),
        told(1, "e4", "three"),
    ])
    .await;
    other.messages(2).await;
    let mut client = site.connect().await;
    resume(&mut client, 1, &cursor).await;
    assert_eq!(client.messages(2).await.0, ["two", "three"]);
    let live = client.next().await;
    assert_eq!(
        (&live["type"], &live["user_id"]),
        (&json!("live"), &json!(1))
    );
    site.tell(1, "e5", "four").await;
    assert_eq!(client.messages(1).await.0, ["four"]);
}

#[tokio::test]
async fn an_empty_cursor_is_the_beginning_of_what_is_kept() {
    let site = Site::start().await;
    let of = |n: usize| told(1, &format!("e{n}"), &n.to_string());
    // More than goes into a page.
    site.append((0..700).map(of).collect()).await;
    let mut client = site.connect().await;
    resume(&mut client, 1, "").await;
    let expected: Vec<String> = (0..700).map(|n| n.to_string()).collect();
    let (messages, cursor) = client.messages(700).await;
    assert_eq!(messages, expected);
    let live = client.next().await;
    assert_eq!(
        (&live["type"], &live["cursor"]),
        (&json!("live"), &json!(cursor))
    );
}

#[tokio::test]
async fn a_client_that_comes_and_goes_while_much_happens_sees_all_once_and_in_order() {
    const EVENTS: usize = 2_000;
    let site = Site::start().await;
    let gateway = site.gateway.addr();
    let telling = async {
        for from in (0..EVENTS).step_by(10) {
            let of = |n: usize| told(1, &format!("e{n}"), &n.to_string());
            site.append((from..from + 10).map(of).collect()).await;
        }
    };
    let seeing = async {
        let (mut seen, mut cursor) = (Vec::<usize>::new(), String::new());
        while seen.len() < EVENTS {
            let mut client = Client::connect(&gateway).await;
            resume(&mut client, 1, &cursor).await;
            let stay = 1 + seen.len() % 97;
            for _ in 0..stay {
                let frame = client.next().await;
                assert_ne!(frame["type"], "reset");
                cursor = frame["cursor"].as_str().unwrap().to_owned();
                if let Some(message) = frame["message"].as_str() {
                    seen.push(message.parse().unwrap());
                }
                if seen.len() == EVENTS {
                    break;
                }
            }
        }
        seen
    };
    let ((), seen) = tokio::join!(telling, seeing);
    assert_eq!(seen, (0..EVENTS).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_prefix_is_resumed_as_well_over_all_its_topics() {
    let site = Site::start().await;
    let of = |n: usize| event(&format!("room/{}", n % 3), &n.to_string(), "x");
    site.append((0..30).map(of).collect()).await;
    let mut client = site.connect().await;
    let mut after = String::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let subscribe = json!({"type": "subscribe", "topic_prefix": "room/", "after": after});
        client.send(subscribe).await;
        let frames = client.take(10).await;
        after = frames[9]["cursor"].as_str().unwrap().to_owned();
        ids.extend(
            frames
                .iter()
                .map(|frame| frame["id"].as_str().unwrap().to_owned()),
        );
        client = site.connect().await;
    }
    assert_eq!(ids, (0..30).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_trimmed_is_told_by_a_reset() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    resume(&mut client, 1, "").await;
    let cursor = client.next().await["cursor"].as_str().unwrap().to_owned();
    // Another gateway, which knows nothing of what was trimmed.
    let position = site.tell(1, "e1", "gone").await;
    site.tell(1, "e2", "left").await;
    site.trim("user/1", position).await;
    let gateway = site.another_gateway().await;
    let mut client = Client::connect(&gateway.addr()).await;
    resume(&mut client, 1, &cursor).await;
    let reset = client.next().await;
    assert_eq!(
        reset,
        json!({"type": "reset", "reason": "trimmed", "user_id": 1, "cursor": reset["cursor"]})
    );
    assert_eq!(client.messages(1).await.0, ["left"]);
    assert_eq!(client.next().await["type"], "live");
}

#[tokio::test]
async fn a_cursor_of_another_store_is_told_by_a_reset_and_all_that_is_kept() {
    let site = Site::start().await;
    site.tell(1, "e1", "one").await;
    let mut client = site.connect().await;
    resume(&mut client, 1, "00000000000000000000000000000007-41").await;
    let reset = client.next().await;
    assert_eq!(
        (&reset["type"], &reset["reason"]),
        (&json!("reset"), &json!("other_store"))
    );
    assert_eq!(client.messages(1).await.0, ["one"]);
    assert_eq!(client.next().await["type"], "live");
}

#[tokio::test]
async fn those_who_are_live_are_told_when_the_store_is_another_one() {
    let mut site = Site::start().await;
    site.tell(1, "e1", "of the old store").await;
    let (mut client, mut plain) = (site.connect().await, site.connect().await);
    resume(&mut client, 1, "").await;
    assert_eq!(client.messages(1).await.0, ["of the old store"]);
    assert_eq!(client.next().await["type"], "live");
    plain.subscribe(1).await;
    site.activity.process().sigkill();
    std::fs::remove_dir_all(site.activity.folder().join("muster-data")).unwrap();
    site.activity.restart().await;
    let reset = client.next().await;
    assert_eq!(
        (&reset["type"], &reset["reason"]),
        (&json!("reset"), &json!("other_store"))
    );
    site.tell(1, "e1", "of the new store").await;
    for client in [&mut client, &mut plain] {
        assert_eq!(client.messages(1).await.0, ["of the new store"]);
    }
    let mut again = site.connect().await;
    resume(&mut again, 1, reset["cursor"].as_str().unwrap()).await;
    assert_eq!(again.messages(1).await.0, ["of the new store"]);
}

#[tokio::test]
async fn many_subscriptions_of_one_connection_catch_up_all() {
    let site = Site::start().await;
    site.append(
        (1..=50)
            .map(|user| told(user, "e1", &user.to_string()))
            .collect(),
    )
    .await;
    let mut client = site.connect().await;
    for user in 1..=50 {
        resume(&mut client, user, "").await;
    }
    let frames: Vec<Value> = client.take(100).await;
    let text = |frame: &Value| frame["message"].as_str().map(str::to_owned);
    let told: BTreeSet<String> = frames.iter().filter_map(text).collect();
    assert_eq!(told.len(), 50);
    assert_eq!(
        frames
            .iter()
            .filter(|frame| frame["type"] == "live")
            .count(),
        50
    );
}
