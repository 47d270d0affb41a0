//! A gateway that stops.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::SOON;
use crate::client::Client;
use crate::site::Site;

#[tokio::test]
async fn on_a_stop_all_are_told_to_come_back_and_it_ends_soon() {
    let mut site = Site::start().await;
    let mut clients = Vec::new();
    for user in 1..=20 {
        let mut client = site.connect().await;
        client.subscribe(user).await;
        clients.push(client);
    }
    site.gateway.process().sigterm();
    let mut delays = Vec::new();
    for client in &mut clients {
        let (code, reason) = client.closed().await;
        assert_eq!(code, 1012);
        delays.push(reason["reconnect_ms"].as_u64().unwrap());
    }
    assert!(delays.iter().all(|delay| *delay <= 4_000), "{delays:?}");
    delays.dedup();
    assert!(delays.len() > 10, "not all at one time: {delays:?}");
    drop(clients);
    let ended = site.gateway.process().wait_exit(SOON).await;
    assert!(ended.success(), "{ended}");
}

#[tokio::test]
async fn a_client_that_does_not_answer_the_close_does_not_hold_up_the_stop() {
    let mut site = Site::start().await;
    let mut silent = site.connect().await;
    silent.subscribe(1).await;
    let started = Instant::now();
    let ended = site.gateway.stop(SOON).await;
    assert!(ended.success(), "{ended}");
    let took = started.elapsed();
    assert!(
        took < Duration::from_secs(9),
        "before the drain cuts: {took:?}"
    );
    drop(silent);
}

#[tokio::test]
async fn nobody_is_taken_who_comes_while_it_stops() {
    let mut site = Site::start().await;
    // Holds the drain.
    let mut silent = site.connect().await;
    silent.subscribe(1).await;
    site.gateway.process().sigterm();
    loop {
        match Client::try_connect(&site.gateway.addr()).await {
            Ok(mut client) => {
                // It was taken before the signal was: told as all the others.
                client.send(json!({"type": "ping"})).await;
                assert_eq!(client.closed().await.0, 1012);
            }
            Err(Error::Http(answer)) => break assert_eq!(answer.status(), 503),
            Err(_refused) => break,
        }
    }
}
