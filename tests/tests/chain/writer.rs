//! Completes tasks with curl.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use muster_testkit::{curl, eventually};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::DEADLINE;
use crate::subscriber::{Completions, Subscriber};

/// Makes a task: its id.
pub(crate) async fn create(tasks: &str, user_id: i64) -> i64 {
    let body = json!({"user_id": user_id, "content": "water the plants"}).to_string();
    let url = format!("http://{tasks}/tasks");
    let made = curl(&["--fail", "-XPOST", &url, "-d", &body]).await.ok();
    let made: Value = serde_json::from_str(&made).unwrap();
    made["id"].as_i64().unwrap()
}

/// Gives a task a status, trying until it is so: what became of a call that broke off nobody knows.
pub(crate) async fn set(tasks: &str, id: i64, status: i64) -> Value {
    let url = format!("http://{tasks}/tasks/{id}");
    let body = json!({"status": status}).to_string();
    eventually(DEADLINE, || async {
        let patch = ["--fail", "--max-time", "5", "-XPATCH", &url, "-d", &body];
        let output = curl(&patch).await;
        let task: Option<Value> = serde_json::from_str(&output.stdout).ok();
        task.filter(|_| output.status.success())
    })
    .await
}

/// Completes tasks again and again, and keeps what it was told of each.
#[derive(Debug)]
pub(crate) struct Writer {
    tasks: String,
    user_id: i64,
    completed: Arc<Mutex<Completions>>,
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Writer {
    /// Goes round so many tasks of a user.
    pub(crate) async fn start(tasks: &str, user_id: i64, count: usize) -> Writer {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.push(create(tasks, user_id).await);
        }
        let (completed, stop) = (Arc::default(), Arc::default());
        let (kept, until) = (Arc::clone(&completed), Arc::clone(&stop));
        let task = tokio::spawn(go_round(tasks.to_owned(), ids, kept, until));
        Writer {
            tasks: tasks.to_owned(),
            user_id,
            completed,
            stop,
            task,
        }
    }

    /// How many completions there were so far.
    pub(crate) fn count(&self) -> usize {
        self.completed.lock().unwrap().values().map(Vec::len).sum()
    }

    /// Waits until there were so many more.
    pub(crate) async fn wait_for_more(&self, more: usize) {
        let enough = self.count() + more;
        eventually(DEADLINE, || async {
            (self.count() >= enough).then_some(())
        })
        .await;
    }

    /// Stops, and holds what was completed against what each subscriber was told: each once, those of a task in order.
    pub(crate) async fn all_are_told_once(self, subscribers: &[&Subscriber]) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
        // After one that comes last, whatever comes twice has come.
        let last = create(&self.tasks, self.user_id).await;
        let mut completed = self.completed.lock().unwrap().clone();
        completed.insert(last, vec![complete(&self.tasks, last).await]);
        for subscriber in subscribers {
            let is_told = || async { subscriber.completions().contains_key(&last).then_some(()) };
            eventually(DEADLINE, is_told).await;
            assert_eq!(subscriber.completions(), completed);
        }
    }
}

async fn go_round(
    tasks: String,
    ids: Vec<i64>,
    completed: Arc<Mutex<Completions>>,
    stop: Arc<AtomicBool>,
) {
    for id in ids.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        let at = complete(&tasks, *id).await;
        completed.lock().unwrap().entry(*id).or_default().push(at);
        set(&tasks, *id, 0).await;
    }
}

/// Completes a task: when that was.
async fn complete(tasks: &str, id: i64) -> String {
    let task = set(tasks, id, 1).await;
    task["completedAt"].as_str().unwrap().to_owned()
}
