//! What can go wrong, and what callers of the gRPC API are told of it.

use std::sync::Arc;

use muster_kit::server::ServeError;
use muster_kit::status;
use muster_kit::store::{WriteError, mariadb, sqlite};
use tonic::Status;

use crate::input::Violation;
use crate::task::Refusal;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An input cannot be.
    #[error(transparent)]
    Invalid(#[from] Violation),
    /// It is not done to this task.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The store does not write. Shared by all whose writes failed together.
    #[error(transparent)]
    Write(#[from] Arc<WriteError>),
    /// The store cannot be read.
    #[error("the store failed: {0}")]
    Read(#[from] sqlx::Error),
    /// The store cannot be opened.
    #[error("store {0}")]
    Sqlite(#[from] sqlite::OpenError),
    /// The database cannot be opened.
    #[error("store {0}")]
    MariaDb(#[from] mariadb::OpenError),
    /// The port cannot be served.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Error {
    /// Whether to try again later may help: something is full, too many write, or the store does not answer.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Error::Write(why) => !matches!(**why, WriteError::Failed(_)),
            Error::Refused(refusal) => *refusal == Refusal::OutboxFull,
            _ => false,
        }
    }

    fn is_unavailable(&self) -> bool {
        matches!(self, Error::Write(why) if matches!(**why, WriteError::Unavailable(_)))
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Invalid(violation) => status::invalid(violation.field, &violation.why),
            Error::Refused(Refusal::NoSuchTask | Refusal::Deleted) => {
                status::not_found(error.to_string())
            }
            Error::Refused(Refusal::Changed) => status::failed_precondition(error.to_string()),
            Error::Refused(Refusal::KeyReused) => status::already_exists(error.to_string()),
            error if error.is_unavailable() => status::unavailable(error.to_string()),
            error if error.is_passing() => status::exhausted(error.to_string()),
            error => status::internal(error),
        }
    }
}
