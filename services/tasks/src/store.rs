//! Where tasks are kept: a closed set of engines that keep the same promises (`tests/store.rs`
//! holds each of them to all of these).
//!
//! - What was acknowledged is on disk.
//! - An id is given once, and never again after its task was deleted.
//! - Of changes that expect the same version one is made.
//! - A task that is created again with its key, within a day, is the same task. So many keys are
//!   known at most ([`MAX_KEYS`]): the oldest go.
//! - Each time a task is completed, the same commit notes that in the outbox, of one task in the order in which it was.
//!   So many may wait there at most ([`MAX_WAITING`]): then no more tasks are completed.
//! - An empty store has demo data: some tasks, of which that of id 1 is user 1's, and open.

use std::sync::Arc;
use std::time::Duration;

use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::StoreUrl;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::completion::Completion;
use crate::error::Error;
use crate::input::NewTask;
use crate::selection::{Page, Selection};
use crate::task::{Change, Precondition, Task};
use mariadb::MariaDb;
use sqlite::Sqlite;

mod mariadb;
mod row;
mod sqlite;

/// How long an idempotency key is known.
pub const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Idempotency keys that are known at most.
pub const MAX_KEYS: u32 = 100_000;

/// Completed tasks that may wait for the bus.
pub const MAX_WAITING: u32 = 100_000;

/// Old keys go by so many at once: one statement less for most tasks.
const KEY_SWEEP: i64 = 64;

/// How much a store keeps at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Idempotency keys that are known.
    pub keys: u32,
    /// Completed tasks that wait for the bus.
    pub outbox: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            keys: MAX_KEYS,
            outbox: MAX_WAITING,
        }
    }
}

/// An open store; its clones are the same store.
#[derive(Debug, Clone)]
pub enum Store {
    /// One SQLite file on this machine.
    Sqlite(Arc<Sqlite>),
    /// A MariaDB, which other processes may work on as well.
    MariaDb(Arc<MariaDb>),
}

impl Store {
    /// Opens the store, which is made or brought to today's schema as needed. `need` is met while it writes. A MariaDB
    /// that does not answer is opened all the same, and all work refused until it does.
    ///
    /// # Errors
    /// Another process serves the file, its schema is a newer one, or it cannot be read.
    pub async fn open(url: &StoreUrl, limits: Limits, need: Need) -> Result<Store, Error> {
        match url {
            StoreUrl::Sqlite(path) => {
                let store = Sqlite::open(path, limits, need).await?;
                Ok(Store::Sqlite(Arc::new(store)))
            }
            StoreUrl::MySql(url) => {
                let store = MariaDb::open(url, limits, need).await?;
                Ok(Store::MariaDb(Arc::new(store)))
            }
        }
    }

    /// Stores a task, created at this time in milliseconds since the Unix epoch, or finds the one
    /// that was created with its key.
    ///
    /// # Errors
    /// [`KeyReused`](crate::task::Refusal::KeyReused), [`Deleted`](crate::task::Refusal::Deleted),
    /// or the store does not write.
    pub async fn create(&self, task: NewTask, at_ms: i64) -> Result<Task, Error> {
        match self {
            Store::Sqlite(store) => store.create(task, at_ms).await,
            Store::MariaDb(store) => store.create(task, at_ms).await,
        }
    }

    /// The task of this id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn task(&self, id: i64) -> Result<Option<Task>, Error> {
        match self {
            Store::Sqlite(store) => store.task(id).await,
            Store::MariaDb(store) => store.task(id).await,
        }
    }

    /// A page of the tasks that are selected.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(&self, selection: Selection) -> Result<Page, Error> {
        match self {
            Store::Sqlite(store) => store.list(selection).await,
            Store::MariaDb(store) => store.list(selection).await,
        }
    }

    /// Changes a task that fulfils the condition, at this time in milliseconds since the Unix
    /// epoch.
    ///
    /// # Errors
    /// [`NoSuchTask`](crate::task::Refusal::NoSuchTask),
    /// [`Changed`](crate::task::Refusal::Changed), [`OutboxFull`](crate::task::Refusal::OutboxFull),
    /// or the store does not write.
    pub async fn change(
        &self,
        id: i64,
        change: Change,
        precondition: Precondition,
        at_ms: i64,
    ) -> Result<Task, Error> {
        match self {
            Store::Sqlite(store) => store.change(id, change, precondition, at_ms).await,
            Store::MariaDb(store) => store.change(id, change, precondition, at_ms).await,
        }
    }

    /// Deletes a task that fulfils the condition.
    ///
    /// # Errors
    /// [`NoSuchTask`](crate::task::Refusal::NoSuchTask),
    /// [`Changed`](crate::task::Refusal::Changed), or the store does not write.
    pub async fn delete(&self, id: i64, precondition: Precondition) -> Result<(), Error> {
        match self {
            Store::Sqlite(store) => store.delete(id, precondition).await,
            Store::MariaDb(store) => store.delete(id, precondition).await,
        }
    }

    /// Fires after a task was completed through this store, and now and then without a reason.
    pub fn completed(&self) -> &Notify {
        match self {
            Store::Sqlite(store) => store.completed(),
            Store::MariaDb(store) => store.completed(),
        }
    }

    /// How many completed tasks wait for the bus; a few too many where some were undone.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn waiting(&self) -> Result<i64, Error> {
        match self {
            Store::Sqlite(store) => store.waiting().await,
            Store::MariaDb(store) => store.waiting().await,
        }
    }

    /// The completed tasks that wait for the bus, the oldest first, `most` at most.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn outbox(&self, most: u32) -> Result<Vec<Completion>, Error> {
        match self {
            Store::Sqlite(store) => store.outbox(most).await,
            Store::MariaDb(store) => store.outbox(most).await,
        }
    }

    /// These wait no more.
    ///
    /// # Errors
    /// The store does not write.
    pub async fn remove(&self, sent: &[Completion]) -> Result<(), Error> {
        match self {
            Store::Sqlite(store) => store.remove(sent).await,
            Store::MariaDb(store) => store.remove(sent).await,
        }
    }

    /// Whether it is `owner` who empties the outbox, until `lease` has passed; to be asked again before it has. One
    /// that dies is followed by another when its lease ends. A file is this process's alone.
    ///
    /// # Errors
    /// The store does not write.
    pub async fn lead(&self, owner: Uuid, lease: Duration) -> Result<bool, Error> {
        match self {
            Store::Sqlite(_) => Ok(true),
            Store::MariaDb(store) => store.lead(owner, lease).await,
        }
    }

    /// Another one than `owner` may empty the outbox from now on.
    ///
    /// # Errors
    /// The store does not write.
    pub async fn stop_leading(&self, owner: Uuid) -> Result<(), Error> {
        match self {
            Store::Sqlite(_) => Ok(()),
            Store::MariaDb(store) => store.stop_leading(owner).await,
        }
    }

    /// Tries, after a write failed, until one succeeds, so that the service is SERVING again;
    /// until `shutdown` fires.
    pub async fn keep_checked(&self, shutdown: &Shutdown) {
        match self {
            Store::Sqlite(store) => store.keep_checked(shutdown).await,
            Store::MariaDb(store) => store.keep_checked(shutdown).await,
        }
    }

    /// Ends all work on the store.
    pub async fn close(&self) {
        match self {
            Store::Sqlite(store) => store.close().await,
            Store::MariaDb(store) => store.close().await,
        }
    }
}
