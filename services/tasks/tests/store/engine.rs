//! The engines, and what tests do with each.

use muster_kit::health::Health;
use muster_kit::store::StoreUrl;
use muster_tasks::error::Error;
use muster_tasks::input::{Content, Key, NewTask};
use muster_tasks::selection::Selection;
use muster_tasks::store::{Limits, Store};
use muster_tasks::task::{Change, Precondition, Refusal, Status, Task};
use muster_testkit::MariaDb;
use tempfile::TempDir;

/// When things happen here, in milliseconds since the Unix epoch.
pub(crate) const NOW_MS: i64 = 1_704_214_800_000;
/// A user of none of the demo data.
pub(crate) const USER: i64 = 77;

/// A store that can be opened again, empty at first.
pub(crate) struct Engine {
    url: StoreUrl,
    _folder: Option<TempDir>,
}

impl Engine {
    pub(crate) fn sqlite() -> Engine {
        let folder = tempfile::tempdir().unwrap();
        Engine {
            url: StoreUrl::Sqlite(folder.path().join("tasks.db")),
            _folder: Some(folder),
        }
    }

    pub(crate) async fn mariadb(server: &MariaDb, database: &str) -> Engine {
        Engine {
            url: server.url(database).await.parse().unwrap(),
            _folder: None,
        }
    }

    /// Whether only one may have it open.
    pub(crate) fn is_exclusive(&self) -> bool {
        matches!(self.url, StoreUrl::Sqlite(_))
    }

    pub(crate) async fn open(&self) -> Store {
        self.open_with(Limits::default()).await.unwrap()
    }

    pub(crate) async fn open_with(&self, limits: Limits) -> Result<Store, Error> {
        Store::open(&self.url, limits, Health::default().need("store")).await
    }
}

pub(crate) fn new_task(content: &str) -> NewTask {
    NewTask::new(USER, Content::parse(content).unwrap(), None).unwrap()
}

pub(crate) fn keyed(content: &str, key: &str) -> NewTask {
    let key = Key::parse("key", key).unwrap();
    NewTask::new(USER, Content::parse(content).unwrap(), Some(key)).unwrap()
}

pub(crate) async fn create(store: &Store, content: &str) -> Task {
    store.create(new_task(content), NOW_MS).await.unwrap()
}

/// Sets the status of a task.
pub(crate) async fn set(store: &Store, id: i64, status: Status) -> Result<Task, Error> {
    let change = Change {
        status: Some(status),
        content: None,
    };
    store.change(id, change, Precondition::None, NOW_MS).await
}

pub(crate) fn completed() -> Change {
    Change {
        status: Some(Status::Completed),
        content: None,
    }
}

pub(crate) fn of(task: &Task) -> Precondition {
    Precondition::OneOf(vec![task.etag()])
}

/// All tasks of the user, by pages of this many.
pub(crate) async fn all(store: &Store, limit: u32) -> Vec<Task> {
    let mut selection = Selection {
        user_id: Some(USER),
        limit,
        ..Selection::default()
    };
    let mut tasks = Vec::new();
    loop {
        let page = store.list(selection).await.unwrap();
        tasks.extend(page.tasks);
        match page.next {
            Some(next) => selection.after = next,
            None => return tasks,
        }
    }
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("expected a refusal: {other:?}"),
    }
}
