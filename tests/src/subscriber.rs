//! A client of the gateway that keeps what it is told, and goes on at its last cursor whatever happens.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use muster_testkit::eventually;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::DEADLINE;

/// Completions by task, in order: when each was, as the frames said.
pub type Completions = BTreeMap<i64, Vec<String>>;

/// One who subscribed to the tasks of a user.
#[derive(Debug)]
pub struct Subscriber {
    told: Arc<Mutex<Told>>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Told {
    /// Where to go on; empty at the beginning of what is kept.
    cursor: String,
    messages: Vec<Value>,
    others: Vec<Value>,
    connections: usize,
}

impl Subscriber {
    /// Subscribes to a user's tasks, from the beginning.
    pub fn of(gateway: &str, user_id: i64) -> Subscriber {
        let told = Arc::<Mutex<Told>>::default();
        let task = tokio::spawn(follow(format!("ws://{gateway}/"), user_id, told.clone()));
        Subscriber { told, task }
    }

    /// Waits until it has been told of so many completions.
    pub async fn wait_for(&self, count: usize) -> Vec<Value> {
        eventually(DEADLINE, || async { (self.count() >= count).then_some(()) }).await;
        self.messages()
    }

    /// Waits until it has been told of a task.
    pub async fn wait_for_task(&self, id: i64) {
        let is_of_it = |message: &Value| message["task"]["id"] == id;
        eventually(DEADLINE, || async {
            let told = self.told.lock().unwrap();
            told.messages.iter().rev().any(is_of_it).then_some(())
        })
        .await;
    }

    /// How many completions it has been told of so far.
    pub fn count(&self) -> usize {
        self.told.lock().unwrap().messages.len()
    }

    /// The frames of completed tasks so far.
    pub fn messages(&self) -> Vec<Value> {
        self.told.lock().unwrap().messages.clone()
    }

    /// All frames of other types so far.
    pub fn others(&self) -> Vec<Value> {
        self.told.lock().unwrap().others.clone()
    }

    /// How often it connected.
    pub fn connections(&self) -> usize {
        self.told.lock().unwrap().connections
    }

    /// What it was told of each task.
    ///
    /// # Panics
    /// When it was told of a gap.
    pub fn completions(&self) -> Completions {
        let resets = self.others().into_iter();
        let resets: Vec<Value> = resets.filter(|frame| frame["type"] == "reset").collect();
        assert_eq!(resets, Vec::<Value>::new());
        let mut completions = Completions::new();
        for message in self.messages() {
            let task = &message["task"];
            let at = task["completedAt"].as_str().unwrap().to_owned();
            let of_task = completions.entry(task["id"].as_i64().unwrap());
            of_task.or_default().push(at);
        }
        completions
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Told {
    fn take(&mut self, frame: Value) {
        if let Some(cursor) = frame["cursor"].as_str() {
            cursor.clone_into(&mut self.cursor);
        }
        let is_message = frame.get("type").is_none();
        let kept = if is_message {
            &mut self.messages
        } else {
            &mut self.others
        };
        kept.push(frame);
    }
}

async fn follow(url: String, user_id: i64, told: Arc<Mutex<Told>>) {
    loop {
        let (mut socket, _) =
            eventually(DEADLINE, || async { connect_async(&url).await.ok() }).await;
        let after = told.lock().unwrap().cursor.clone();
        let subscribe = json!({"type": "subscribe", "user_id": user_id, "after": after});
        told.lock().unwrap().connections += 1;
        // One that breaks at once is like one that breaks later.
        let _ = socket.send(Message::text(subscribe.to_string())).await;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Text(text) = message {
                let frame = serde_json::from_str(&text).expect("a frame is JSON");
                told.lock().unwrap().take(frame);
            }
        }
    }
}
