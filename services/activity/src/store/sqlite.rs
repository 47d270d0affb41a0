//! SQLite: one file, one writer that commits whole groups, and a few readers.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use muster_kit::health::Need;
use muster_kit::metrics::Observed;
use muster_kit::store::StoreLock;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::batch::{Batch, Fate};
use crate::error::Error;
use crate::event::NewEvent;
use crate::retention::Retention;
use crate::selection::Selection;
use crate::store::{Appended, Page, Stats, Window};
use crate::trim::Removal;
use queue::{Answer, Reply, Shared, Write};
use reader::Readers;

mod append;
pub(super) mod backup;
mod batch;
mod checkpoint;
mod failure;
mod index;
mod queue;
mod reader;
mod retentions;
mod row;
mod schema;
mod snapshot;
mod stats;
mod topics;
pub(super) mod verify;
mod writer;

/// An open store.
#[derive(Debug)]
pub struct Sqlite {
    id: Uuid,
    shared: Shared,
    readers: Arc<Readers>,
    /// The way to the writer; `None` once the store is closed.
    writes: Mutex<Option<UnboundedSender<Write>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    _observed: [Observed; 2],
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
        let readers = Arc::new(Readers::new(path, Arc::clone(&shared.fresh)));
        Ok(Sqlite {
            id,
            _observed: [shared.observe(), readers.observe()],
            readers,
            shared,
            writes: Mutex::new(Some(sender)),
            writer: Mutex::new(Some(writer)),
        })
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) async fn append(&self, event: NewEvent) -> Result<Appended, Error> {
        let answer = self.queue(|reply| Write::one(event, reply)).await?;
        answer.await.unwrap_or(Err(Error::Lost))
    }

    pub(super) async fn queue_batch(&self, batch: Batch) -> Result<Answer<Vec<Fate>>, Error> {
        self.queue(|reply| Write::batch(batch, reply)).await
    }

    /// Waits for a place in the queue; its order is that in which they are given.
    async fn queue<T>(&self, write: impl FnOnce(Reply<T>) -> Write) -> Result<Answer<T>, Error> {
        let (reply, answer) = oneshot::channel();
        let write = write(reply);
        let place = self.shared.places.acquire_many(write.places()).await;
        let place = place.map_err(|_| Error::Stopping)?;
        // No await between the place and the queue: an event that has one is in the other.
        self.send(write)?;
        place.forget(); // the writer gives it back
        Ok(answer)
    }

    fn send(&self, write: Write) -> Result<(), Error> {
        let sender = lock(&self.writes);
        let sender = sender.as_ref().ok_or(Error::Stopping)?;
        sender.send(write).map_err(|_| Error::Stopping)
    }

    pub(super) async fn remove(&self, removals: Vec<Removal>) -> Result<u64, Error> {
        // Before they are gone: who misses them then finds out why.
        if let Some(last) = removals.iter().map(|removal| removal.position).max() {
            self.shared.removed_to.fetch_max(last, Ordering::SeqCst);
        }
        let answer = self.queue(|reply| Write::remove(removals, reply)).await?;
        answer.await.unwrap_or(Err(Error::Lost))
    }

    pub(super) async fn removed_behind(
        &self,
        selection: &Arc<Selection>,
        position: i64,
    ) -> Result<Option<i64>, Error> {
        if self.shared.removed_to.load(Ordering::SeqCst) <= position {
            return Ok(None);
        }
        let removed_to = self.readers.removed_to(Arc::clone(selection)).await?;
        Ok(Some(removed_to).filter(|removed_to| *removed_to > position))
    }

    pub(super) async fn set_retention(
        &self,
        prefix: String,
        max_age: Option<Duration>,
    ) -> Result<(), Error> {
        let told = self.shared.retentions.clone();
        let answer = self.queue(|reply| Write::retention(prefix, max_age, told, reply));
        answer.await?.await.unwrap_or(Err(Error::Lost))
    }

    pub(super) fn retentions(&self) -> Arc<[Retention]> {
        Arc::clone(&self.shared.retentions.borrow())
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
        lock(&self.writes).take();
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
    writes: UnboundedReceiver<Write>,
    shared: Shared,
    need: Need,
) -> Result<JoinHandle<()>, Error> {
    let path = path.to_owned();
    let write = move || {
        writer::run(&path, opened, writes, shared, need);
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
