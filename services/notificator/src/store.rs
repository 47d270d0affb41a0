//! Where mails are kept: a closed set of engines that keep the same promises (`tests/store.rs`
//! holds each of them to all of these).
//!
//! - A mail that was acknowledged is on disk, and stays known by its id for good.
//! - There is one mail of an id. The same again is that mail; another of the same id is refused.
//! - A mail waits until it was delivered or refused for good. Its text is kept that long, and that
//!   of the last [`MOST_REFUSED`] that were refused for a look at them.
//! - All mails that wait are due when the store is opened.

mod group;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::SqliteUrl;
use uuid::Uuid;

use crate::error::Error;
use crate::mail::{NewMail, Report, Waiting};
use sqlite::Sqlite;

/// Mails that may wait for their delivery; beyond it none is taken.
pub const MOST_WAITING: usize = 100_000;

/// Refused mails whose text is kept.
pub const MOST_REFUSED: usize = 1000;

/// An open store; its clones are the same store.
#[derive(Debug, Clone)]
pub enum Store {
    /// One SQLite file on this machine.
    Sqlite(Arc<Sqlite>),
}

/// The mails to be delivered now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Some of them, the longest due first.
    pub mails: Vec<Waiting>,
    /// In how long the next mail will be due that is not due yet.
    pub next: Option<Duration>,
}

/// The mails that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Never tried.
    pub new: i64,
    /// Tried before.
    pub retried: i64,
    /// When the oldest was stored, in nanoseconds since the Unix epoch.
    pub oldest_ns: Option<i64>,
}

/// What became of an attempt to deliver a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It is delivered.
    Delivered,
    /// It failed for this reason, and is due again after the delay.
    Again(String, Duration),
    /// It failed for this reason for good.
    Failed(String),
}

impl Store {
    /// Opens the store, which is made or brought to today's schema as needed, and takes up to
    /// `most_waiting` mails that wait. `need` is met while it writes.
    ///
    /// # Errors
    /// Another process serves it, its schema is a newer one, or it cannot be read.
    pub async fn open(url: &SqliteUrl, most_waiting: usize, need: Need) -> Result<Self, Error> {
        let store = Sqlite::open(&url.0, most_waiting, need).await?;
        Ok(Self::Sqlite(Arc::new(store)))
    }

    /// Stores a mail; returns when it is on disk.
    ///
    /// # Errors
    /// [`Error::OtherMail`], [`Error::QueueFull`], or the store does not write.
    pub async fn add(&self, mail: NewMail) -> Result<(), Error> {
        match self {
            Self::Sqlite(store) => store.add(mail).await,
        }
    }

    /// Notes what became of an attempt. One that comes late changes nothing.
    ///
    /// # Errors
    /// The store does not write.
    pub async fn settle(&self, number: i64, attempt: Attempt) -> Result<(), Error> {
        match self {
            Self::Sqlite(store) => store.settle(number, attempt).await,
        }
    }

    /// Up to `limit` mails that are due, without those of the numbers in `except`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn due(&self, limit: usize, except: &[i64]) -> Result<Due, Error> {
        match self {
            Self::Sqlite(store) => store.due(limit, except).await,
        }
    }

    /// How many mails wait, and since when.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn backlog(&self) -> Result<Backlog, Error> {
        match self {
            Self::Sqlite(store) => store.backlog().await,
        }
    }

    /// How the mail of this id stands.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn report(&self, id: Uuid) -> Result<Option<Report>, Error> {
        match self {
            Self::Sqlite(store) => store.report(id).await,
        }
    }

    /// Tries, after a write failed, until one succeeds; until `shutdown` fires.
    pub async fn keep_checked(&self, shutdown: &Shutdown) {
        match self {
            Self::Sqlite(store) => store.keep_checked(shutdown).await,
        }
    }

    /// Stores what waits to be stored, and ends.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
        }
    }
}
