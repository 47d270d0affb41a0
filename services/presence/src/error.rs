//! What may be wrong with a call, and how its caller is told.

use muster_kit::status;
use tonic::Status;

use crate::user::BadName;

/// Why a stream is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The user's name is none.
    #[error("name: {0}")]
    Name(#[from] BadName),
    /// As many streams are open as may be.
    #[error("all {max} streams are in use")]
    Full {
        /// How many may be.
        max: usize,
    },
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Name(why) => status::invalid("name", why.to_string()),
            Error::Full { .. } => status::exhausted(error.to_string()),
        }
    }
}
