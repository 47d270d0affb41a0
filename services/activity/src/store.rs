//! Where events are kept: a closed set of engines that keep the same promises (`tests/store.rs`
//! holds each of them to all of these).
//!
//! - What was acknowledged is on disk.
//! - An event is identified by (topic, id) for good. The same again is acknowledged once its
//!   original is on disk, stored once, and keeps its first times.
//! - Positions grow through the whole store, in the order in which events become visible.

use std::sync::Arc;

use muster_kit::health::Need;
use muster_kit::store::StoreUrl;

use crate::error::Error;
use crate::event::{Event, NewEvent};
use sqlite::Sqlite;

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
}

impl Appended {
    /// The event as the store has it.
    pub fn into_event(self) -> Event {
        match self {
            Appended::Stored(event) | Appended::AlreadyThere(event) => event,
        }
    }
}

/// Which events to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// Those of one topic.
    Topic(String),
    /// Those of all topics that begin like this.
    Prefix(String),
}

/// Some of the events that were selected, in the order of their positions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The events; there may be none on a page that is not the last.
    pub events: Vec<Event>,
    /// The position after which the next page begins; `None` on the last page.
    pub next: Option<i64>,
}

impl Store {
    /// Opens the store, which is made or brought to today's schema as needed. `need` is met from
    /// then on, and lost when nothing can be written any more.
    ///
    /// # Errors
    /// Another process serves it, its schema is a newer one, or it cannot be read.
    pub async fn open(url: &StoreUrl, need: Need) -> Result<Store, Error> {
        match url {
            StoreUrl::Sqlite(path) => Ok(Store::Sqlite(Arc::new(Sqlite::open(path, need).await?))),
        }
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

    /// The position of the newest event that is on disk, 0 when there is none.
    pub fn last_position(&self) -> i64 {
        match self {
            Store::Sqlite(store) => store.last_position(),
        }
    }

    /// The selected events after position `after` up to `end`, as many as fit a page.
    ///
    /// # Errors
    /// The store cannot be read, or is closed.
    pub async fn page(&self, selection: Selection, after: i64, end: i64) -> Result<Page, Error> {
        match self {
            Store::Sqlite(store) => store.page(selection, after, end).await,
        }
    }

    /// Takes no more events, stores those that wait, and ends.
    pub async fn close(&self) {
        match self {
            Store::Sqlite(store) => store.close().await,
        }
    }
}
