//! What can go wrong, and what callers are told of it.

use std::sync::Arc;

use muster_kit::mail::AddressError;
use muster_kit::server::ServeError;
use muster_kit::status;
use muster_kit::store::sqlite::{OpenError, WriteError};
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
    /// Too many sign-ups wait for the store.
    #[error("too many sign-ups at once: try again later")]
    Busy,
    /// The store does not write. Shared by all whose writes failed together.
    #[error(transparent)]
    Write(Arc<WriteError>),
    /// The store cannot be read.
    #[error("the store failed: {0}")]
    Read(#[from] sqlx::Error),
    /// The store cannot be opened.
    #[error("store {0}")]
    Open(#[from] OpenError),
    /// The port cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Error {
    /// Why a sign-up, which waits for its turn, was not stored.
    pub(crate) fn of_sign_up(error: Arc<WriteError>) -> Self {
        match *error {
            WriteError::Busy => Error::Busy,
            _ => Error::Write(error),
        }
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        Error::Write(Arc::new(error))
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Email(why) => status::invalid("email", why.to_string()),
            Error::Id => status::invalid("id", "expected a number from 1 up"),
            Error::NoSuchUser => status::not_found(error.to_string()),
            Error::OutboxFull | Error::Busy => status::exhausted(error.to_string()),
            Error::Write(ref why) => match **why {
                WriteError::Full | WriteError::Busy => status::exhausted(why.to_string()),
                WriteError::Unavailable(_) => status::unavailable(why.to_string()),
                WriteError::Failed(_) => status::internal(&error),
            },
            Error::Read(_) | Error::Open(_) | Error::Serve(_) => status::internal(&error),
        }
    }
}
