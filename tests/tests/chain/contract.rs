//! What the contract says, while nothing goes wrong.

use std::process::Command;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use muster_testkit::{Process, Service, eventually, measured};
use muster_tests::{DEADLINE, Subscriber, create, set};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::site::{Chain, Part};

const PUSHED: Duration = Duration::from_millis(100);
/// Declares the queue durable, consumes what comes and prints each as a line of JSON.
const OUTSIDER: &str = include_str!("outsider.py");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completed_task_is_told_once_to_its_user_and_to_programs_beyond_the_suite() {
    let mut chain = Chain::start().await;
    let tasks = chain.tasks.addr();
    let outsider = consume(&chain.broker.url());
    let mut mine = subscribe(&chain.gateway.addr(), 1).await;
    let theirs = Subscriber::of(&chain.gateway.addr(), 2);
    wait_for_line(&mut chain.gateway, "subscri").await;

    let task = set(&tasks, 1, 1).await;
    let frame = next(&mut mine).await;
    assert_eq!(frame["task"], task);
    let message = frame["message"].as_str().unwrap();
    assert!(
        message.starts_with("task 1 has been completed at "),
        "{message}"
    );
    assert!(frame["cursor"].is_string(), "{frame}");
    // Again, it is completed already: the next that comes is another task.
    set(&tasks, 1, 1).await;
    let other = create(&tasks, 2).await;
    set(&tasks, other, 1).await;
    let another = create(&tasks, 1).await;
    set(&tasks, another, 1).await;
    assert_eq!(next(&mut mine).await["task"]["id"], another);
    assert_eq!(theirs.wait_for(1).await[0]["task"]["id"], other);

    let told = eventually(DEADLINE, || async { lines(&outsider, 3) }).await;
    let plain = json!({"message": frame["message"], "task": frame["task"]});
    assert_eq!(told[0]["body"], plain);
    assert_eq!(told[0]["message_id"], frame["id"]);
    assert_eq!(told[1]["body"]["task"]["id"], other);
    assert_eq!(told[2]["body"]["task"]["id"], another);
    wait_for_line(
        &mut chain.tasks,
        r#"Message published to \"tasks_completed\""#,
    )
    .await;
    wait_for_line(&mut chain.gateway, "Message received from MQ").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_completed_task_is_pushed_at_once_and_kept_for_who_is_not_there() {
    let mut chain = Chain::start().await;
    let tasks = chain.tasks.addr();
    let subscriber = Subscriber::of(&chain.gateway.addr(), 1);
    set(&tasks, 1, 1).await;
    subscriber.wait_for(1).await;
    let id = create(&tasks, 1).await;
    set(&tasks, id, 1).await;
    let what = "chain: from the answer to a PATCH to the frame";
    measured(what, PUSHED, || {
        std::future::ready((subscriber.count() == 2).then_some(()))
    })
    .await;

    // No gateway for a while; and then somebody who was never there before.
    chain.kill(Part::Gateway);
    for _ in 0..3 {
        let id = create(&tasks, 1).await;
        set(&tasks, id, 1).await;
    }
    chain.restart(Part::Gateway).await;
    let later = Subscriber::of(&chain.gateway.addr(), 1);
    assert_eq!(later.wait_for(5).await, subscriber.wait_for(5).await);
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Subscribes as the contract says, and no more.
async fn subscribe(gateway: &str, user_id: i64) -> Socket {
    let (mut socket, _) = connect_async(format!("ws://{gateway}/")).await.unwrap();
    let subscribe = json!({"type": "subscribe", "user_id": user_id});
    let sent = socket.send(Message::text(subscribe.to_string())).await;
    sent.unwrap();
    socket
}

async fn next(socket: &mut Socket) -> Value {
    let next = async {
        loop {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    };
    tokio::time::timeout(DEADLINE, next).await.unwrap()
}

fn consume(broker: &str) -> Process {
    // Debian's own python3: another one on PATH does not see Debian's modules.
    let mut python = Command::new("/usr/bin/python3");
    Process::spawn(python.args(["-u", "-c", OUTSIDER, broker]))
}

/// What an outsider has printed, once it is so much.
fn lines(outsider: &Process, count: usize) -> Option<Vec<Value>> {
    let text = outsider.stdout();
    let whole = &text[..text.rfind('\n')?];
    let lines: Vec<Value> = whole
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    (lines.len() >= count).then_some(lines)
}

async fn wait_for_line(service: &mut Service, part: &str) {
    eventually(DEADLINE, || {
        let is_there = service.process().stderr().contains(part);
        std::future::ready(is_there.then_some(()))
    })
    .await;
}
