//! What can go wrong, and what callers are told of it.

use muster_kit::mail::AddressError;
use muster_kit::server::ServeError;
use muster_kit::status;
use muster_kit::store::StoreError;
use tonic::Status;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The email is no address.
    #[error("email: {0}")]
    Email(AddressError),
    /// The id can be no user's.
    #[error("id: expected a number from 1 up")]
    Id,
    /// There is no user of this id.
    #[error("there is no user of this id")]
    NoSuchUser,
    /// The outbox is full.
    #[error("too many welcome mails wait for a notificator: try again later")]
    OutboxFull,
    /// There is no room on the disk.
    #[error("the disk is full")]
    DiskFull,
    /// Another process has the store, or its folder cannot be made.
    #[error(transparent)]
    Lock(#[from] StoreError),
    /// The store's schema cannot be brought to today's.
    #[error("the schema of the store: {0}")]
    Schema(#[from] sqlx::migrate::MigrateError),
    /// The store failed.
    #[error("the store failed: {0}")]
    Store(sqlx::Error),
    /// The port cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

/// SQLite's code for a full disk; extended codes carry more in their upper bits.
const SQLITE_FULL: u32 = 13;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(|error| error.code());
        match code.and_then(|code| code.parse::<u32>().ok()) {
            Some(code) if code & 0xff == SQLITE_FULL => Error::DiskFull,
            _ => Error::Store(error),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Email(why) => status::invalid("email", why.to_string()),
            Error::Id => status::invalid("id", "expected a number from 1 up"),
            Error::NoSuchUser => status::not_found(error.to_string()),
            Error::OutboxFull | Error::DiskFull => status::exhausted(error.to_string()),
            Error::Lock(_) | Error::Schema(_) | Error::Store(_) | Error::Serve(_) => {
                status::internal(&error)
            }
        }
    }
}
