//! What is wrong with a calendar, and how a caller is told.

use std::fmt;

use muster_kit::status;
use tonic::Status;

use crate::EVENTS_MAX;

/// Why a calendar is refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A time of an event is not what it must be.
    #[error("events[{index}].{field}: {why}")]
    BadTime {
        /// Which event, counting from 0.
        index: usize,
        /// Which of its times.
        field: Field,
        /// What is wrong with it.
        why: BadTime,
    },
    /// There are more events than are taken.
    #[error("events: at most {EVENTS_MAX} are taken at once")]
    TooMany,
    /// The request is no calendar at all.
    #[error("not an EventList: {0}")]
    Wire(#[from] prost::DecodeError),
    /// The search broke off.
    #[error("search for conflicts: {0}")]
    Search(#[from] tokio::task::JoinError),
}

/// A time of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// When it starts.
    Start,
    /// When it ends.
    End,
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::End => "end",
        })
    }
}

/// Why a time is none that an event can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTime {
    /// It is absent.
    #[error("required")]
    Missing,
    /// Beyond the years that a Timestamp can tell.
    #[error("seconds must be from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z")]
    Seconds,
    /// No fraction of a second.
    #[error("nanos must be from 0 to 999999999")]
    Nanos,
    /// The event ends before it starts.
    #[error("must not be before start")]
    BeforeStart,
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::BadTime { index, field, why } => {
                status::invalid(format!("events[{index}].{field}"), why.to_string())
            }
            Error::TooMany => {
                status::invalid("events", format!("at most {EVENTS_MAX} are taken at once"))
            }
            // The code that gRPC names for a message that cannot be read.
            Error::Wire(_) => Status::internal(error.to_string()),
            Error::Search(_) => status::internal(&error),
        }
    }
}
