//! Where events are kept: a closed set of engines that keep the same promises (`tests/store.rs`
//! holds each of them to all of these).
//!
//! - What was acknowledged is on disk.
//! - An event is identified by (topic, id) for good. The same again is acknowledged once its
//!   original is on disk, stored once, and keeps its first times.
//! - What was removed is not stored again: its identity stays, with a digest of its content.
//! - Positions grow through the whole store, in the order in which events become visible.

use std::sync::Arc;
use std::time::Duration;

use muster_kit::health::Need;
use muster_kit::store::SqliteUrl;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::batch::{Batch, Fate};
use crate::error::Error;
use crate::event::{Event, NewEvent};
use crate::retention::Retention;
use crate::selection::Selection;
use crate::trim::Removal;
use sqlite::Sqlite;

pub use offline::{Finding, Progress, backup, verify};

mod offline;
mod sqlite;

/// An open store; its clones are the same store.
#[derive(Debug, Clone)]
pub enum Store {
    /// One SQLite file on this machine.
    Sqlite(Arc<Sqlite>),
}

/// What became of an event that was appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It is new, and stored as this.
    Stored(Event),
    /// It was there already, as this.
    AlreadyThere(Event),
    /// It was there already, and is removed by now; this is the repeated one, with the times of
    /// the repetition.
    Removed(Event),
}

impl Appended {
    /// The event as the store has it, or had it but for its times.
    pub fn into_event(self) -> Event {
        match self {
            Appended::Stored(event) | Appended::AlreadyThere(event) | Appended::Removed(event) => {
                event
            }
        }
    }
}

/// A batch that will be stored, whether anybody waits for it or not.
#[derive(Debug)]
pub struct Queued(oneshot::Receiver<Result<Vec<Fate>, Error>>);

impl Queued {
    /// What became of each event, in order, once it is on disk.
    ///
    /// # Errors
    /// As [`Store::append_batch`].
    pub async fn fates(self) -> Result<Vec<Fate>, Error> {
        self.0.await.unwrap_or(Err(Error::Lost))
    }
}

/// Which way events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// In the order of their positions.
    Forwards,
    /// The newest first.
    Backwards,
}

/// The positions that are read, and how many events at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Those behind this one, 0 for all,
    pub after: i64,
    /// up to this one.
    pub end: i64,
    /// From which end.
    pub direction: Direction,
    /// The most events of a page; 1 at least.
    pub limit_events: usize,
}

/// How much a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// How many events.
    pub events: i64,
    /// How many topics.
    pub topics: i64,
    /// The position of the first event, 0 when there is none.
    pub first_position: i64,
    /// The newest position, whether its event was removed or not; 0 when there was none.
    pub last_position: i64,
    /// What it takes on the disk, in bytes.
    pub size_bytes: u64,
}

impl Window {
    /// All behind `after` up to `end`, forwards, in pages of the store's own size.
    pub fn forwards(after: i64, end: i64) -> Window {
        Window {
            after,
            end,
            direction: Direction::Forwards,
            limit_events: usize::MAX,
        }
    }

    /// Where it goes on when this position was read: the next `after`, or backwards the next
    /// `end`.
    pub(crate) fn beyond(&self, position: i64) -> i64 {
        match self.direction {
            Direction::Forwards => position,
            Direction::Backwards => position - 1,
        }
    }

    /// Where it begins, such that [`Window::from`] leaves all of it.
    pub fn begin(&self) -> i64 {
        match self.direction {
            Direction::Forwards => self.after,
            Direction::Backwards => self.end,
        }
    }

    /// What is left of it.
    pub fn from(self, next: i64) -> Window {
        match self.direction {
            Direction::Forwards => Window {
                after: next,
                ..self
            },
            Direction::Backwards => Window { end: next, ..self },
        }
    }
}

/// Some of the events that were selected, in the order asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The events; there may be none on a page that is not the last.
    pub events: Vec<Event>,
    /// Where [`Window::from`] goes on; `None` on the last page.
    pub next: Option<i64>,
}

impl Store {
    /// Opens the store, which is made or brought to today's schema as needed. `need` is met from
    /// then on, and lost when nothing can be written any more.
    ///
    /// # Errors
    /// Another process serves it, its schema is a newer one, or it cannot be read.
    pub async fn open(url: &SqliteUrl, need: Need) -> Result<Store, Error> {
        let store = Sqlite::open(&url.0, need).await?;
        Ok(Store::Sqlite(Arc::new(store)))
    }

    /// Stores an event; returns when it is on disk. Waits while too many others do.
    ///
    /// # Errors
    /// [`Error::OtherContent`], [`Error::NoIdLeft`], [`Error::Full`], or one that says that the
    /// store does not write: then the event may be stored or not.
    pub async fn append(&self, event: NewEvent) -> Result<Appended, Error> {
        match self {
            Store::Sqlite(store) => store.append(event).await,
        }
    }

    /// Stores a batch; returns when it is on disk, with what became of each event, in order.
    /// Waits while too many others do.
    ///
    /// # Errors
    /// [`Error::OtherLastPosition`], [`Error::Conflict`], [`Error::Full`]: nothing of it is
    /// stored. Or one that says that the store does not write: then it may be stored or not.
    pub async fn append_batch(&self, batch: Batch) -> Result<Vec<Fate>, Error> {
        self.queue_batch(batch).await?.fates().await
    }

    /// Takes a batch to be stored behind all that was taken before. Waits while too many wait
    /// already.
    ///
    /// # Errors
    /// [`Error::Stopping`].
    pub async fn queue_batch(&self, batch: Batch) -> Result<Queued, Error> {
        match self {
            Store::Sqlite(store) => store.queue_batch(batch).await.map(Queued),
        }
    }

    /// What tells this store from every other one.
    pub fn id(&self) -> Uuid {
        match self {
            Store::Sqlite(store) => store.id(),
        }
    }

    /// Tells each newest position that is on disk.
    pub fn watch(&self) -> watch::Receiver<i64> {
        match self {
            Store::Sqlite(store) => store.watch(),
        }
    }

    /// The position of the newest event that is on disk, 0 when there is none.
    pub fn last_position(&self) -> i64 {
        match self {
            Store::Sqlite(store) => store.last_position(),
        }
    }

    /// The selected events of the window, as many as fit a page.
    ///
    /// # Errors
    /// The store cannot be read, or is closed.
    pub async fn page(&self, selection: &Arc<Selection>, window: Window) -> Result<Page, Error> {
        match self {
            Store::Sqlite(store) => store.page(selection, window).await,
        }
    }

    /// Removes events; how many of them were there. What identifies them stays, with a digest of
    /// what they said. Returns when that is on disk.
    ///
    /// # Errors
    /// [`Error::Full`], or one that says that the store does not write: then they may be removed
    /// or not.
    pub async fn remove(&self, removals: Vec<Removal>) -> Result<u64, Error> {
        match self {
            Store::Sqlite(store) => store.remove(removals).await,
        }
    }

    /// Up to where events of the selection's topics were removed, if that is behind this
    /// position: somebody who has read up to there has missed some. An upper bound where only
    /// some of those events were selected.
    ///
    /// # Errors
    /// The store cannot be read, or is closed.
    pub async fn removed_behind(
        &self,
        selection: &Arc<Selection>,
        position: i64,
    ) -> Result<Option<i64>, Error> {
        match self {
            Store::Sqlite(store) => store.removed_behind(selection, position).await,
        }
    }

    /// Sets how long events are kept whose topic begins with the prefix; `None`: as long as a
    /// shorter prefix says, otherwise for good.
    ///
    /// # Errors
    /// [`Error::TooManyRetentions`], [`Error::Full`], or one that says that the store does not
    /// write: then it may be set or not.
    pub async fn set_retention(
        &self,
        prefix: String,
        max_age: Option<Duration>,
    ) -> Result<(), Error> {
        match self {
            Store::Sqlite(store) => store.set_retention(prefix, max_age).await,
        }
    }

    /// How long events are kept, by prefix.
    pub fn retentions(&self) -> Arc<[Retention]> {
        match self {
            Store::Sqlite(store) => store.retentions(),
        }
    }

    /// Tells how much there is.
    ///
    /// # Errors
    /// The store cannot be read, or is closed.
    pub async fn stats(&self) -> Result<Stats, Error> {
        match self {
            Store::Sqlite(store) => store.stats().await,
        }
    }

    /// Takes no more events, stores those that wait, and ends.
    pub async fn close(&self) {
        match self {
            Store::Sqlite(store) => store.close().await,
        }
    }
}
