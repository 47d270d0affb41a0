//! SQLite: one file, one writer that commits whole groups, and a few readers.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use muster_kit::health::Need;
use muster_kit::store::StoreLock;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::batch::{Batch, Fate};
use crate::error::Error;
use crate::event::NewEvent;
use crate::selection::Selection;
use crate::store::{Appended, Page, Stats, Window};
use queue::{Answer, Append, Reply, Shared};
use reader::Readers;

mod append;
mod batch;
mod checkpoint;
mod failure;
mod index;
mod queue;
mod reader;
mod row;
mod schema;
mod stats;
mod topics;
mod writer;

/// An open store.
#[derive(Debug)]
pub struct Sqlite {
    id: Uuid,
    shared: Shared,
    readers: Arc<Readers>,
    /// The way to the writer; `None` once the store is closed.
    appends: Mutex<Option<UnboundedSender<Append>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Sqlite {
    /// Opens the store, which is made or brought to today's schema as needed. `need` is met from
    /// then on, and lost when nothing can be written any more.
    pub(super) async fn open(path: &Path, need: Need) -> Result<Sqlite, Error> {
        let lock = muster_kit::store::lock(path)?;
        let shared = Shared::default();
        let (sender, receiver) = mpsc::unbounded_channel();
        let (tell, opened) = oneshot::channel();
        let writer = spawn_writer(path, lock, tell, receiver, shared.clone(), need)?;
        let id = opened
            .await
            .unwrap_or(Err(Error::Lost))
            .map_err(|cause| Error::open(path, cause))?;
        Ok(Sqlite {
            id,
            readers: Arc::new(Readers::new(path, Arc::clone(&shared.fresh))),
            shared,
            appends: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
        })
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) async fn append(&self, event: NewEvent) -> Result<Appended, Error> {
        let answer = self.queue(|reply| Append::one(event, reply)).await?;
        answer.await.unwrap_or(Err(Error::Lost))
    }

    pub(super) async fn queue_batch(&self, batch: Batch) -> Result<Answer<Vec<Fate>>, Error> {
        self.queue(|reply| Append::batch(batch, reply)).await
    }

    /// Waits for a place in the queue; its order is that in which they are given.
    async fn queue<T>(&self, append: impl FnOnce(Reply<T>) -> Append) -> Result<Answer<T>, Error> {
        let (reply, answer) = oneshot::channel();
        let append = append(reply);
        let place = self.shared.places.acquire_many(append.places()).await;
        let place = place.map_err(|_| Error::Stopping)?;
        // No await between the place and the queue: an event that has one is in the other.
        self.send(append)?;
        place.forget(); // the writer gives it back
        Ok(answer)
    }

    fn send(&self, append: Append) -> Result<(), Error> {
        let sender = lock(&self.appends);
        let sender = sender.as_ref().ok_or(Error::Stopping)?;
        sender.send(append).map_err(|_| Error::Stopping)
    }

    pub(super) fn last_position(&self) -> i64 {
        *self.shared.last_position.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<i64> {
        self.shared.last_position.subscribe()
    }

    pub(super) async fn page(
        &self,
        selection: &Arc<Selection>,
        window: Window,
    ) -> Result<Page, Error> {
        self.readers.page(Arc::clone(selection), window).await
    }

    pub(super) async fn stats(&self) -> Result<Stats, Error> {
        self.readers.stats().await
    }

    /// Readers first, so that the writer's last checkpoint reaches the end of the log.
    pub(super) async fn close(&self) {
        self.shared.places.close();
        lock(&self.appends).take();
        self.readers.close().await;
        let writer = lock(&self.writer).take();
        if let Some(writer) = writer {
            // A panic was told when it happened.
            let _ = tokio::task::spawn_blocking(|| writer.join()).await;
        }
    }
}

fn spawn_writer(
    path: &Path,
    lock: StoreLock,
    opened: oneshot::Sender<Result<Uuid, Error>>,
    appends: UnboundedReceiver<Append>,
    shared: Shared,
    need: Need,
) -> Result<JoinHandle<()>, Error> {
    let path = path.to_owned();
    let write = move || {
        writer::run(&path, opened, appends, shared, need);
        drop(lock); // the database is closed
    };
    std::thread::Builder::new()
        .name("activity-writer".into())
        .spawn(write)
        .map_err(Error::Thread)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
