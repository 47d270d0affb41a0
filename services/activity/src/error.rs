//! What can go wrong, and what callers are told of it.

use std::path::Path;

use muster_kit::partial::PartialError;
use muster_kit::server::ServeError;
use muster_kit::status;
use muster_kit::store::StoreError;
use tonic::Status;

/// A field that is missing, malformed or too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadField {
    /// Its name, from the request: `events[3].id`.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
}

impl BadField {
    /// The field of this name.
    pub fn new(field: impl Into<String>, why: impl Into<String>) -> BadField {
        BadField {
            field: field.into(),
            why: why.into(),
        }
    }

    /// The same field of a part of the request (`events[3]`).
    pub fn within(self, part: &str) -> BadField {
        BadField {
            field: format!("{part}.{}", self.field),
            ..self
        }
    }
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the request is bad.
    #[error(transparent)]
    Field(#[from] BadField),
    /// The id is there with another content.
    #[error("an event of this id is there with another content")]
    OtherContent,
    /// The last position of a batch's topic is another one than expected.
    #[error("the last position of the topic is {last}, not {expected}")]
    OtherLastPosition {
        /// What was expected.
        expected: i64,
        /// What it is, 0 where the topic has no event.
        last: i64,
    },
    /// One event of a batch that is stored whole or not at all is there with another content.
    #[error("events[{index}]: an event of this id is there with another content")]
    Conflict {
        /// Which one, from 0.
        index: usize,
    },
    /// The highest id is at the top of int32.
    #[error("no id is left above the highest one: give an id")]
    NoIdLeft,
    /// There is no room on the disk.
    #[error("the disk is full")]
    Full,
    /// Another process holds the store's write lock.
    #[error("the store is being written to by another process")]
    Busy,
    /// A write failed: nothing is written any more.
    #[error("the store cannot be written to any more")]
    Lost,
    /// The store is closed or about to be.
    #[error("the service is stopping")]
    Stopping,
    /// Too many listings are open.
    #[error("{limit} listings are open already: try again later")]
    TooManyListings {
        /// So many may be open.
        limit: usize,
    },
    /// Too many tails are open.
    #[error("{limit} tails are open already: try again later")]
    TooManyTails {
        /// So many may be open.
        limit: usize,
    },
    /// Too many prefixes have a retention.
    #[error("{limit} prefixes have a retention already: remove one first")]
    TooManyRetentions {
        /// So many may have one.
        limit: usize,
    },
    /// The store was written by a later version of this program.
    #[error("its schema is of version {version}, this program knows {newest}: use a newer one")]
    NewerSchema {
        /// What the store has.
        version: i64,
        /// What this program knows.
        newest: i64,
    },
    /// The store was written by an earlier version of this program, and not opened since.
    #[error("its schema is of version {version}, not {newest}: serve it once with this program")]
    OlderSchema {
        /// What the store has.
        version: i64,
        /// What this program knows.
        newest: i64,
    },
    /// The file is no store.
    #[error("it is no store of events")]
    NoStore,
    /// The store's own id is damaged.
    #[error("its store id is not a uuid: {0:?}")]
    BadStoreId(String),
    /// SQLite cannot keep a write-ahead log there.
    #[error("its journal mode stays {0:?} where a write-ahead log is needed: use a local disk")]
    NoWriteAheadLog(String),
    /// SQLite failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The store cannot be opened.
    #[error("store {path}: {cause}")]
    Open {
        /// Its file.
        path: String,
        /// Why not.
        cause: Box<Error>,
    },
    /// The store's place cannot be had.
    #[error(transparent)]
    Lock(#[from] StoreError),
    /// A copy cannot be written.
    #[error(transparent)]
    Copy(#[from] PartialError),
    /// No thread can be had.
    #[error("the store's writer cannot be started: {0}")]
    Thread(#[source] std::io::Error),
    /// Serving failed.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Error {
    /// A store that cannot be opened, by its file.
    pub(crate) fn open(path: &Path, cause: Error) -> Error {
        Error::Open {
            path: path.display().to_string(),
            cause: Box::new(cause),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Status {
        match &error {
            Error::Field(bad) => status::invalid(&bad.field, &bad.why),
            Error::OtherContent | Error::Conflict { .. } => {
                status::already_exists(error.to_string())
            }
            Error::OtherLastPosition { .. } => status::failed_precondition(error.to_string()),
            Error::NoIdLeft
            | Error::Full
            | Error::TooManyListings { .. }
            | Error::TooManyRetentions { .. }
            | Error::TooManyTails { .. } => status::exhausted(error.to_string()),
            Error::Busy | Error::Lost | Error::Stopping => status::unavailable(error.to_string()),
            Error::NewerSchema { .. }
            | Error::OlderSchema { .. }
            | Error::NoStore
            | Error::Copy(_)
            | Error::BadStoreId(_)
            | Error::NoWriteAheadLog(_)
            | Error::Sqlite(_)
            | Error::Open { .. }
            | Error::Lock(_)
            | Error::Thread(_)
            | Error::Serve(_) => status::internal(&error),
        }
    }
}
