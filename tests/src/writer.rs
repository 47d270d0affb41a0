//! Completes tasks over REST.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_testkit::{eventually, request};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::DEADLINE;
use crate::subscriber::{Completions, Subscriber};

/// How long an answer may take: a service that hangs on a database that died answers later.
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a task: its id.
pub async fn create(tasks: &str, user_id: i64) -> i64 {
    let body = json!({"user_id": user_id, "content": "water the plants"}).to_string();
    let (status, made) = request(tasks, "POST", "/tasks", &body).await.unwrap();
    assert_eq!(status, 201, "{made}");
    let made: Value = serde_json::from_str(&made).unwrap();
    made["id"].as_i64().unwrap()
}

/// Gives a task a status, trying until it is so: what became of a call that broke off nobody knows.
pub async fn set(tasks: &str, id: i64, status: i64) -> Value {
    let (path, body) = (
        format!("/tasks/{id}"),
        json!({"status": status}).to_string(),
    );
    eventually(DEADLINE, || async {
        let patched = request(tasks, "PATCH", &path, &body);
        let (code, task) = timeout(PATIENCE, patched).await.ok()??;
        (code == 200).then(|| serde_json::from_str(&task).unwrap())
    })
    .await
}

/// Completes tasks again and again, and keeps what it was told of each.
#[derive(Debug)]
pub struct Writer {
    tasks: String,
    user_id: i64,
    completed: Arc<Mutex<Completions>>,
    stop: Arc<AtomicBool>,
    workers: JoinSet<()>,
}

impl Writer {
    /// As many at once as there are tasks, each of its own of the user.
    pub async fn start(tasks: &str, user_id: i64, count: usize) -> Writer {
        let (completed, stop) = (Arc::default(), Arc::default());
        let mut workers = JoinSet::new();
        for _ in 0..count {
            let id = create(tasks, user_id).await;
            let (kept, until) = (Arc::clone(&completed), Arc::clone(&stop));
            workers.spawn(complete_again_and_again(tasks.to_owned(), id, kept, until));
        }
        Writer {
            tasks: tasks.to_owned(),
            user_id,
            completed,
            stop,
            workers,
        }
    }

    /// How many completions there were so far.
    pub fn count(&self) -> usize {
        self.completed.lock().unwrap().values().map(Vec::len).sum()
    }

    /// Waits until there were so many more.
    pub async fn wait_for_more(&self, more: usize) {
        let enough = self.count() + more;
        eventually(DEADLINE, || async {
            (self.count() >= enough).then_some(())
        })
        .await;
    }

    /// Stops, and holds what was completed against what each subscriber was told: each once, those of a task in order.
    pub async fn all_are_told_once(self, subscribers: &[&Subscriber]) {
        self.stop.store(true, Ordering::Relaxed);
        self.workers.join_all().await;
        // After one that comes last, whatever comes twice has come.
        let last = create(&self.tasks, self.user_id).await;
        let mut completed = self.completed.lock().unwrap().clone();
        completed.insert(last, vec![complete(&self.tasks, last).await]);
        for subscriber in subscribers {
            subscriber.wait_for_task(last).await;
            assert_eq!(subscriber.completions(), completed);
        }
    }
}

async fn complete_again_and_again(
    tasks: String,
    id: i64,
    completed: Arc<Mutex<Completions>>,
    stop: Arc<AtomicBool>,
) {
    while !stop.load(Ordering::Relaxed) {
        let at = complete(&tasks, id).await;
        completed.lock().unwrap().entry(id).or_default().push(at);
        set(&tasks, id, 0).await;
    }
}

/// Completes a task: when that was.
async fn complete(tasks: &str, id: i64) -> String {
    let task = set(tasks, id, 1).await;
    task["completedAt"].as_str().unwrap().to_owned()
}
