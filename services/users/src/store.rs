//! Where users and their welcome mails are kept: a closed set of engines that keep the same
//! promises (`tests/store.rs` holds each of them to all of these).
//!
//! - A user and the mail that welcomes them are stored together or not at all, and are on disk
//!   when they are acknowledged.
//! - There is one user of an address, and one mail of a user, for good.
//! - Mails are due in the order in which they were stored, those that are tried again behind
//!   those that were never tried. None is lost; one that no notificator will take is set aside.

use std::sync::Arc;
use std::time::Duration;

use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::SqliteUrl;
use tokio::sync::Notify;

use crate::error::Error;
use crate::user::{NewUser, User, WaitingMail};
use sqlite::Sqlite;

mod sqlite;

/// Mails that may wait for a notificator; beyond it nobody can sign up.
pub const MAX_WAITING: usize = 100_000;

/// An open store; its clones are the same store.
#[derive(Debug, Clone)]
pub enum Store {
    /// One SQLite file on this machine.
    Sqlite(Arc<Sqlite>),
}

/// The mails to be offered now.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Some of them, in order.
    pub mails: Vec<WaitingMail>,
    /// Where there are none: in how long one will be due.
    pub next: Option<Duration>,
}

/// What became of a mail that was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offered {
    /// A notificator has it: it waits no longer.
    Taken,
    /// To be offered again after `delay`. If `is_held` is false, nobody holds it: to anyone.
    Again {
        /// From now.
        delay: Duration,
        /// Whether the notificator it was offered to may hold it.
        is_held: bool,
    },
    /// Nobody will ever take it, for this reason: kept for a look at it, not offered again.
    Refused(String),
}

impl Store {
    /// Opens the store, which is made or brought to today's schema as needed, and takes up to
    /// `max_waiting` mails that wait. All of them are due. `need` is met while it writes.
    ///
    /// # Errors
    /// Another process serves it, its schema is a newer one, or it cannot be read.
    pub async fn open(url: &SqliteUrl, max_waiting: usize, need: Need) -> Result<Store, Error> {
        let store = Sqlite::open(&url.0, max_waiting, need).await?;
        Ok(Store::Sqlite(Arc::new(store)))
    }

    /// Stores a user and their mail, or finds the user of this address.
    ///
    /// # Errors
    /// [`Error::OutboxFull`], also for a user who is there; [`Error::Busy`]; or the store does
    /// not write.
    pub async fn create(&self, user: NewUser) -> Result<User, Error> {
        match self {
            Store::Sqlite(store) => store.create(user).await,
        }
    }

    /// The user of this id.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn user(&self, id: i64) -> Result<Option<User>, Error> {
        match self {
            Store::Sqlite(store) => store.user(id).await,
        }
    }

    /// Up to `limit` mails that are due.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn due(&self, limit: u32) -> Result<Due, Error> {
        match self {
            Store::Sqlite(store) => store.due(limit).await,
        }
    }

    /// Notes, before it is done, that a mail is offered to a notificator. It is due again when
    /// `claim` has passed, or when the store was opened anew.
    ///
    /// # Errors
    /// The store does not write.
    pub async fn offer(&self, number: i64, to: &str, claim: Duration) -> Result<(), Error> {
        match self {
            Store::Sqlite(store) => store.offer(number, to, claim).await,
        }
    }

    /// Notes what became of a mail that was offered.
    ///
    /// # Errors
    /// The store does not write.
    pub async fn settle(&self, number: i64, offered: Offered) -> Result<(), Error> {
        match self {
            Store::Sqlite(store) => store.settle(number, offered).await,
        }
    }

    /// Notified whenever a mail may wait.
    pub fn mail_waits(&self) -> &Notify {
        match self {
            Store::Sqlite(store) => store.mail_waits(),
        }
    }

    /// How many mails wait.
    pub fn waiting(&self) -> usize {
        match self {
            Store::Sqlite(store) => store.waiting(),
        }
    }

    /// When the oldest mail that waits was stored, in nanoseconds since the Unix epoch.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn oldest_ns(&self) -> Result<Option<i64>, Error> {
        match self {
            Store::Sqlite(store) => store.oldest_ns().await,
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
