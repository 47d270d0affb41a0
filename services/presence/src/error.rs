//! What may be wrong with a call, and how its caller is told.

use muster_kit::status;
use tonic::Status;

/// A field that is missing, malformed or too long.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct BadField {
    /// Its name, from the request: `users[3]`.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
}

impl BadField {
    /// The field of this name.
    pub fn new(field: impl Into<String>, why: impl ToString) -> Self {
        Self {
            field: field.into(),
            why: why.to_string(),
        }
    }

    /// The same field of a part of the request (`connections[3]`).
    #[must_use]
    pub fn within(self, part: &str) -> Self {
        Self {
            field: format!("{part}.{}", self.field),
            ..self
        }
    }
}

/// Why a call, or a part of one, is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field of the request is bad.
    #[error(transparent)]
    Field(#[from] BadField),
    /// As many streams are open as may be.
    #[error("all {max} {what} are in use")]
    Full {
        /// How many may be.
        max: usize,
        /// Of what.
        what: &'static str,
    },
    /// The request has more parts than are done of one.
    #[error("one request has at most {max} of them: the others in another one")]
    TooManyParts {
        /// How many are done.
        max: usize,
    },
    /// The user has as many connections as may be.
    #[error("the user has {max} connections already: end one first")]
    TooManyConnections {
        /// How many they may have.
        max: u32,
    },
    /// The session watches as many users as may be.
    #[error("the session watches {max} users already: unwatch some first")]
    TooManyWatched {
        /// How many it may watch.
        max: usize,
    },
    /// The answer would be larger than clients take.
    #[error("their devices tell more than fits in one answer: ask for fewer users")]
    TooLarge,
    /// A page token that stands for nothing here.
    #[error("the page token is of another replica, or of an earlier life of this one: begin again")]
    OtherReplica,
    /// The replica is about to stop.
    #[error("the service is stopping")]
    Stopping,
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match &error {
            Error::Field(bad) => status::invalid(&bad.field, &bad.why),
            Error::Full { .. }
            | Error::TooManyParts { .. }
            | Error::TooManyConnections { .. }
            | Error::TooManyWatched { .. }
            | Error::TooLarge => status::exhausted(error.to_string()),
            Error::OtherReplica => status::failed_precondition(error.to_string()),
            Error::Stopping => status::unavailable(error.to_string()),
        }
    }
}
