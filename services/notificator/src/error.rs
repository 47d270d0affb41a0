//! What can go wrong, and what callers are told of it.

use std::sync::Arc;

use muster_kit::mail::AddressError;
use muster_kit::server::ServeError;
use muster_kit::status;
use muster_kit::store::sqlite::{OpenError, WriteError};
use tonic::Status;

use crate::mail::BadMail;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field holds no address.
    #[error("{0}: {1}")]
    Address(&'static str, AddressError),
    /// A field of a mail is bad.
    #[error("{0}: {1}")]
    Mail(&'static str, BadMail),
    /// The id is none.
    #[error("id: expected a UUID")]
    NoId,
    /// There is no mail of this id.
    #[error("there is no mail of this id")]
    NoSuchMail,
    /// The key was used with another mail.
    #[error("idempotency_key: it was used with another mail")]
    OtherMail,
    /// Too many mails wait.
    #[error("too many mails wait for their delivery: try again later")]
    QueueFull,
    /// The service stops.
    #[error("the service is stopping")]
    Stopping,
    /// The store does not write; shared by all mails of a group.
    #[error(transparent)]
    Write(Arc<WriteError>),
    /// The store cannot be read.
    #[error("the store failed: {0}")]
    Read(#[from] sqlx::Error),
    /// An id in the store is damaged.
    #[error("the store holds an id that is no UUID: {0:?}")]
    BadId(String),
    /// The store cannot be opened.
    #[error("store {0}")]
    Open(#[from] OpenError),
    /// The port cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Address(field, why) => status::invalid(*field, why.to_string()),
            Error::Mail(field, why) => status::invalid(*field, why.to_string()),
            Error::NoId => status::invalid("id", "expected a UUID"),
            Error::NoSuchMail => status::not_found(error.to_string()),
            Error::OtherMail => status::already_exists(error.to_string()),
            Error::QueueFull => status::exhausted(error.to_string()),
            Error::Stopping => status::unavailable(error.to_string()),
            Error::Write(cause) => match cause.as_ref() {
                WriteError::Full | WriteError::Busy => status::exhausted(cause.to_string()),
                WriteError::Unavailable(_) => status::unavailable(cause.to_string()),
                WriteError::Failed(_) => status::internal(&error),
            },
            Error::Read(_) | Error::BadId(_) | Error::Open(_) | Error::Serve(_) => {
                status::internal(&error)
            }
        }
    }
}
