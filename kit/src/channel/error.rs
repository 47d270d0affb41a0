//! What can become of a call.

use std::error::Error;
use std::sync::Arc;

use tonic::{Code, Status};

/// Whether the call may have been handled by a server. False: it certainly never reached a
/// handler, and is safe to send to another server.
pub fn was_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if let Some(call) = error.downcast_ref::<CallError>() {
            return !call.failure.is_unsent();
        }
        cause = error.source();
    }
    true
}

/// How a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// No server was there to take it.
    Unreachable,
    /// A server said that it did not take it.
    Refused,
    /// The connection ended before the answer.
    Cut,
    /// The deadline passed before the answer.
    Late,
}

impl Failure {
    /// Reads the failure of a call whose request left: RFC 9113 section 8.7 names the two ways
    /// to say that it was not processed, REFUSED_STREAM and a GOAWAY with a lower last stream.
    pub(super) fn of(error: &hyper::Error) -> Failure {
        let mut cause = error.source();
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<h2::Error>() {
                return Self::of_h2(error);
            }
            cause = error.source();
        }
        Failure::Cut
    }

    fn of_h2(error: &h2::Error) -> Failure {
        let is_refusal = error.is_reset() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        // h2 gives a received GOAWAY to no stream but those above its last stream.
        if error.is_remote() && (is_refusal || error.is_go_away()) {
            Failure::Refused
        } else {
            Failure::Cut
        }
    }

    pub(super) fn is_unsent(self) -> bool {
        matches!(self, Failure::Unreachable | Failure::Refused)
    }
}

/// A call that got no answer. In the source chain of the status that the caller sees.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub(crate) struct CallError {
    pub(super) failure: Failure,
    why: String,
    source: Option<hyper::Error>,
}

impl CallError {
    pub(super) fn new(failure: Failure, why: impl Into<String>) -> Self {
        Self {
            failure,
            why: why.into(),
            source: None,
        }
    }

    pub(super) fn late() -> Self {
        Self::new(Failure::Late, "the deadline passed before the answer")
    }

    pub(super) fn because(mut self, source: hyper::Error) -> Self {
        self.source = Some(source);
        self
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        let code = match error.failure {
            Failure::Unreachable | Failure::Refused | Failure::Cut => Code::Unavailable,
            Failure::Late => Code::DeadlineExceeded,
        };
        let mut status = Status::new(code, error.to_string());
        status.set_source(Arc::new(error));
        status
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_reached_no_handler_counts_as_unsent() {
        let sent = |failure| was_sent(&CallError::new(failure, "x").into());
        assert!(!sent(Failure::Unreachable));
        assert!(!sent(Failure::Refused));
        assert!(sent(Failure::Cut));
        assert!(sent(Failure::Late));
    }

    #[test]
    fn what_a_server_answered_was_sent() {
        assert!(was_sent(&Status::unavailable("the service is stopping")));
    }
}
