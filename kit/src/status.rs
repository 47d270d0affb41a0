//! The only home of gRPC statuses: each says what was wrong with which input.

use std::error::Error;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// INVALID_ARGUMENT: `field` (`events[3].end`) is missing or bad, with a
/// `google.rpc.BadRequest` that names it.
pub fn invalid(field: impl Into<String>, why: impl Into<String>) -> Status {
    let (field, why) = (field.into(), why.into());
    let text = format!("{field}: {why}");
    let details = ErrorDetails::with_bad_request_violation(field, why);
    Status::with_error_details(Code::InvalidArgument, text, details)
}

/// INTERNAL with a neutral text. The cause stays here: it is logged, once, with the request id.
pub fn internal(cause: &dyn Error) -> Status {
    tracing::error!(cause = %Chain(cause), "internal error");
    Status::internal("internal error")
}

/// RESOURCE_EXHAUSTED: a limit is reached, or the disk is full.
pub fn exhausted(why: impl Into<String>) -> Status {
    Status::resource_exhausted(why)
}

/// UNAVAILABLE: try again, here or elsewhere.
pub fn unavailable(why: impl Into<String>) -> Status {
    Status::unavailable(why)
}

/// ALREADY_EXISTS: the identity is taken by something else.
pub fn already_exists(why: impl Into<String>) -> Status {
    Status::already_exists(why)
}

/// FAILED_PRECONDITION: the state that the caller expected is another one.
pub fn failed_precondition(why: impl Into<String>) -> Status {
    Status::failed_precondition(why)
}

/// NOT_FOUND: there is nothing of this identity.
pub fn not_found(why: impl Into<String>) -> Status {
    Status::not_found(why)
}

/// A code as the specification writes it: `INVALID_ARGUMENT`.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// An error with its causes, as one line.
pub struct Chain<'a>(pub &'a dyn Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_as_the_specification_does() {
        assert_eq!(code_name(Code::Ok), "OK");
        assert_eq!(code_name(Code::DeadlineExceeded), "DEADLINE_EXCEEDED");
    }

    #[test]
    fn a_bad_field_is_named_in_the_text_and_in_the_details() {
        let status = invalid("events[3].end", "required");
        assert_eq!(status.message(), "events[3].end: required");
        let details = status.get_details_bad_request().unwrap();
        assert_eq!(details.field_violations[0].field, "events[3].end");
    }
}
