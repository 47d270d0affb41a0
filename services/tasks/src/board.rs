//! What the service does, for both of its APIs.

use muster_kit::clock::now_ns;

use crate::error::Error;
use crate::input::NewTask;
use crate::selection::{Page, Selection};
use crate::store::Store;
use crate::task::{Change, Precondition, Refusal, Task};

const MILLISECOND_NS: i64 = 1_000_000;

/// All tasks; its clones are the same.
#[derive(Debug, Clone)]
pub struct Board {
    store: Store,
}

impl Board {
    /// The tasks of a store.
    pub fn new(store: Store) -> Board {
        Board { store }
    }

    /// Creates a task, or finds the one that was created with its key within the last day.
    ///
    /// # Errors
    /// [`Refusal::KeyReused`], [`Refusal::Deleted`], or the store does not write.
    pub async fn create(&self, task: NewTask) -> Result<Task, Error> {
        self.store.create(task, now_ms()).await
    }

    /// The task of this id.
    ///
    /// # Errors
    /// [`Refusal::NoSuchTask`], or the store cannot be read.
    pub async fn get(&self, id: i64) -> Result<Task, Error> {
        let found = self.store.task(id).await?;
        found.ok_or(Error::Refused(Refusal::NoSuchTask))
    }

    /// A page of the tasks that are selected.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn list(&self, selection: Selection) -> Result<Page, Error> {
        self.store.list(selection).await
    }

    /// Changes a task that fulfils the condition.
    ///
    /// # Errors
    /// [`Refusal::NoSuchTask`], [`Refusal::Changed`], or the store does not write.
    pub async fn change(
        &self,
        id: i64,
        change: Change,
        precondition: Precondition,
    ) -> Result<Task, Error> {
        self.store.change(id, change, precondition, now_ms()).await
    }

    /// Deletes a task that fulfils the condition.
    ///
    /// # Errors
    /// [`Refusal::NoSuchTask`], [`Refusal::Changed`], or the store does not write.
    pub async fn delete(&self, id: i64, precondition: Precondition) -> Result<(), Error> {
        self.store.delete(id, precondition).await
    }
}

fn now_ms() -> i64 {
    now_ns() / MILLISECOND_NS
}
