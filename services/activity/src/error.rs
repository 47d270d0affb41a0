//! What can go wrong, and what callers are told of it.

use std::path::Path;

use muster_kit::server::ServeError;
use muster_kit::status;
use muster_kit::store::StoreError;
use tonic::Status;

use crate::event::MESSAGE_LIMIT_BYTES;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A message is over the limit.
    #[error("message: {bytes} bytes, the limit is {MESSAGE_LIMIT_BYTES}")]
    TooLong {
        /// The length of the message in bytes.
        bytes: usize,
    },
    /// The id is there with another content.
    #[error("an event of this id is there with another message")]
    OtherContent,
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
    /// The store was written by a later version of this program.
    #[error("its schema is of version {version}, this program knows {newest}: use a newer one")]
    NewerSchema {
        /// What the store has.
        version: i64,
        /// What this program knows.
        newest: i64,
    },
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
            Error::TooLong { bytes } => {
                let why = format!("{bytes} bytes, the limit is {MESSAGE_LIMIT_BYTES}");
                status::invalid("message", why)
            }
            Error::OtherContent => status::already_exists(error.to_string()),
            Error::NoIdLeft | Error::Full | Error::TooManyListings { .. } => {
                status::exhausted(error.to_string())
            }
            Error::Busy | Error::Lost | Error::Stopping => status::unavailable(error.to_string()),
            Error::NewerSchema { .. }
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
