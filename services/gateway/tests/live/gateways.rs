//! More than one gateway.

use serde_json::json;

use crate::client::Client;
use crate::site::{Site, told};

#[tokio::test]
async fn any_gateway_serves_any_user() {
    let site = Site::start().await;
    let another = site.another_gateway().await;
    let mut clients = [site.connect().await, Client::connect(&another.addr()).await];
    for client in &mut clients {
        client.subscribe(1).await;
    }
    site.tell(1, "e1", "done").await;
    for client in &mut clients {
        assert_eq!(client.messages(1).await.0, ["done"]);
    }
}

#[tokio::test]
async fn clients_of_a_gateway_that_dies_go_on_at_another_one_without_loss_or_flap() {
    const USERS: i64 = 50;
    let mut site = Site::start().await;
    let another = site.another_gateway().await;
    let mut friend = Client::connect(&another.addr()).await;
    let users: Vec<i64> = (1..=USERS).collect();
    // One more, who will not come back.
    let all: Vec<i64> = (1..=USERS + 1).collect();
    let mut clients = Vec::new();
    for user in &all {
        let mut client = site.connect().await;
        client
            .send(json!({"type": "subscribe", "user_id": user, "after": ""}))
            .await;
        client.next().await;
        clients.push(client);
    }
    // Until all are online.
    loop {
        friend.send(json!({"type": "monitor", "users": all})).await;
        let states = friend.next().await;
        let states = states["users"].as_array().unwrap().clone();
        if states.len() == all.len() && states.iter().all(|state| state["online"] == true) {
            break;
        }
    }
    tell(&site, &users, 0).await;
    let mut cursors = Vec::new();
    for client in &mut clients[..users.len()] {
        let (messages, cursor) = client.messages(1).await;
        assert_eq!(messages, ["0"]);
        cursors.push(cursor);
    }
    site.gateway.process().sigkill();
    for round in 1..=3 {
        tell(&site, &users, round).await;
    }
    let mut back = Vec::new();
    for (user, cursor) in users.iter().zip(&cursors) {
        let mut client = Client::connect(&another.addr()).await;
        client
            .send(json!({"type": "subscribe", "user_id": user, "after": cursor}))
            .await;
        // It may be live before the gateway has heard of the last of them.
        let frames = client.take(4).await;
        let messages = frames.iter().filter_map(|frame| frame["message"].as_str());
        assert_eq!(messages.collect::<Vec<_>>(), ["1", "2", "3"]);
        back.push(client);
    }
    // By then the grace of all has passed.
    let gone = json!([{"user": (USERS + 1).to_string(), "online": false}]);
    assert_eq!(friend.next().await["users"], gone);
    friend.nothing_else().await;
}

/// Tells each user the number of the round.
async fn tell(site: &Site, users: &[i64], round: usize) {
    let of = |user: &i64| told(*user, &format!("e{round}"), &round.to_string());
    site.append(users.iter().map(of).collect()).await;
}
