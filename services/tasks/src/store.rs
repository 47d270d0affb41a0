//! Where tasks are kept: a closed set of engines that keep the same promises (`tests/store.rs`
//! holds each of them to all of these).
//!
//! - What was acknowledged is on disk.
//! - An id is given once, and never again after its task was deleted.
//! - Of changes that expect the same version one is made.
//! - A task that is created again with its key, within a day, is the same task. So many keys are
//!   known at most ([`MAX_KEYS`]): the oldest go.
//! - An empty store has demo data: some tasks, of which that of id 1 is user 1's, and open.

use std::sync::Arc;
use std::time::Duration;

use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::StoreUrl;

use crate::error::Error;
use crate::input::NewTask;
use crate::selection::{Page, Selection};
use crate::task::{Change, Precondition, Task};
use sqlite::Sqlite;

mod sqlite;

/// How long an idempotency key is known.
pub const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Idempotency keys that are known at most.
pub const MAX_KEYS: u32 = 100_000;

/// An open store; its clones are the same store.
#[derive(Debug, Clone)]
pub enum Store {
    /// One SQLite file on this machine.
    Sqlite(Arc<Sqlite>),
}

impl Store {
    /// Opens the store, which is made or brought to today's schema as needed, and knows up to
    /// `max_keys` idempotency keys. `need` is met while it writes.
    ///
    /// # Errors
    /// Another process serves it, its schema is a newer one, or it cannot be read.
    pub async fn open(url: &StoreUrl, max_keys: u32, need: Need) -> Result<Store, Error> {
        match url {
            StoreUrl::Sqlite(path) => {
                let store = Sqlite::open(path, max_keys, need).await?;
                Ok(Store::Sqlite(Arc::new(store)))
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
        }
    }

    /// The task of this id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn task(&self, id: i64) -> Result<Option<Task>, Error> {
        match self {
            Store::Sqlite(store) => store.task(id).await,
        }
    }

    /// A page of the tasks that are selected.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(&self, selection: Selection) -> Result<Page, Error> {
        match self {
            Store::Sqlite(store) => store.list(selection).await,
        }
    }

    /// Changes a task that fulfils the condition, at this time in milliseconds since the Unix
    /// epoch.
    ///
    /// # Errors
    /// [`NoSuchTask`](crate::task::Refusal::NoSuchTask),
    /// [`Changed`](crate::task::Refusal::Changed), or the store does not write.
    pub async fn change(
        &self,
        id: i64,
        change: Change,
        precondition: Precondition,
        at_ms: i64,
    ) -> Result<Task, Error> {
        match self {
            Store::Sqlite(store) => store.change(id, change, precondition, at_ms).await,
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
        }
    }

    /// Tries, after a write failed, until one succeeds, so that the service is SERVING again;
    /// until `shutdown` fires.
    pub async fn keep_checked(&self, shutdown: &Shutdown) {
        match self {
            Store::Sqlite(store) => store.keep_checked(shutdown).await,
        }
    }

    /// Ends all work on the store.
    pub async fn close(&self) {
        match self {
            Store::Sqlite(store) => store.close().await,
        }
    }
}
