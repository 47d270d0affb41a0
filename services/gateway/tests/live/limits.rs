//! How much there may be of everything.

use muster_testkit::Process;
use serde_json::json;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::client::Client;
use crate::site::Site;

/// The status with which a connection is refused.
async fn refused(site: &Site) -> u16 {
    match Client::try_connect(&site.gateway.addr()).await {
        Err(Error::Http(answer)) => answer.status().as_u16(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("connected"),
    }
}

#[tokio::test]
async fn connections_are_limited_in_all_and_a_place_is_free_when_one_goes() {
    let site = Site::with(&["--max-connections", "2"]).await;
    let first = site.connect().await;
    let _second = site.connect().await;
    assert_eq!(refused(&site).await, 503);
    drop(first);
    muster_testkit::eventually(crate::SOON, || async {
        Client::try_connect(&site.gateway.addr())
            .await
            .ok()
            .map(drop)
    })
    .await;
}

#[tokio::test]
async fn connections_are_limited_for_an_address() {
    let site = Site::with(&["--max-connections-per-address", "1"]).await;
    let _first = site.connect().await;
    assert_eq!(refused(&site).await, 429);
}

#[tokio::test]
async fn connections_are_limited_for_a_user() {
    let site = Site::with(&["--max-connections-per-user", "1"]).await;
    site.connect().await.subscribe(2).await;
    let mut first = site.connect().await;
    first.subscribe(1).await;
    let mut second = site.connect().await;
    second
        .send(json!({"type": "subscribe", "user_id": 1}))
        .await;
    let refusal = second.next().await;
    assert_eq!(
        (&refusal["type"], &refusal["field"]),
        (&json!("error"), &json!("user_id"))
    );
    second.subscribe(3).await;
    // Who has the place keeps it.
    first
        .send(json!({"type": "subscribe", "user_id": 1, "after": ""}))
        .await;
    assert_eq!(first.next().await["type"], "live");
}

#[tokio::test]
async fn a_thousand_subscriptions_on_one_socket_are_a_hundred_and_the_socket_stays() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    for user in 1..=1_000 {
        client
            .send(json!({"type": "subscribe", "user_id": user}))
            .await;
    }
    for refusal in client.take(900).await {
        assert_eq!(
            (&refusal["type"], &refusal["field"]),
            (&json!("error"), &json!("user_id"))
        );
    }
    site.tell(100, "e1", "still there").await;
    assert_eq!(client.messages(1).await.0, ["still there"]);
    site.tell(101, "e1", "not subscribed").await;
    client.nothing_else().await;
}

#[tokio::test]
async fn a_flood_of_what_is_no_message_ends_with_1008() {
    let site = Site::start().await;
    let mut client = site.connect().await;
    for _ in 0..200 {
        client.send_raw(Message::text("nonsense")).await;
    }
    assert_eq!(client.closed().await.0, 1008);
}

#[tokio::test]
async fn the_feeds_of_one_gateway_are_limited_and_one_connection_has_its_share() {
    let site = Site::start().await;
    let mut clients = Vec::new();
    let mut refused = 0;
    for part in 0..9 {
        let mut client = site.connect().await;
        for topic in 0..20 {
            let topic = format!("room/{part}/{topic}");
            client
                .send(json!({"type": "subscribe", "topic": topic}))
                .await;
            refused += usize::from(client.next().await["type"] == "error");
        }
        let expected = if part < 8 {
            (part + 1) * 4
        } else {
            9 * 20 - 128
        };
        assert_eq!(refused, expected, "connection {part}");
        // Topics of users are none of them.
        client
            .send(json!({"type": "subscribe", "topic": format!("user/{}", part + 1)}))
            .await;
        assert_eq!(client.next().await["type"], "live");
        clients.push(client);
    }
    clients.clear();
    muster_testkit::eventually(crate::SOON, || async {
        let mut client = site.connect().await;
        client
            .send(json!({"type": "subscribe", "topic": "room/new"}))
            .await;
        (client.next().await["type"] == "live").then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_takes_all_the_open_files_that_it_may_have() {
    let site = Site::start().await;
    let peers = format!(
        "activity={},presence={}",
        site.activity.addr(),
        site.presence.addr()
    );
    let gateway = muster_testkit::target_dir().join("muster-gateway");
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -Sn 64; exec \"$@\"", "sh"]);
    shell.arg(gateway).args(["--static", &peers]);
    for flag in ["--listen", "--web", "--admin"] {
        shell.args([flag, "127.0.0.1:0"]);
    }
    let mut process = Process::spawn(&mut shell);
    let addr = muster_testkit::listening(&mut process, "gateway").await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(Client::connect(&addr).await);
    }
}
