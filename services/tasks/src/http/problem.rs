//! What a caller is told of what went wrong: `application/problem+json` (RFC 9457).

use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tonic::Status;

use super::body::MAX_BODY_BYTES;
use crate::error::Error;
use crate::input::Violation;
use crate::task::Refusal;

/// In how many seconds to try again what may succeed later.
const RETRY_AFTER_S: u32 = 1;

/// Why a request is not served.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    violations: Vec<Violation>,
}

impl Problem {
    /// That has nothing to do with a single field.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            status,
            detail: detail.into(),
            violations: Vec::new(),
        }
    }

    /// 400.
    pub(super) fn bad_request(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::BAD_REQUEST, detail)
    }

    /// 400: of a header or the query.
    pub(super) fn of_parameter(violation: Violation) -> Problem {
        Problem::of(StatusCode::BAD_REQUEST, vec![violation])
    }

    /// 422: of fields of the body.
    pub(super) fn of_fields(violations: Vec<Violation>) -> Problem {
        Problem::of(StatusCode::UNPROCESSABLE_ENTITY, violations)
    }

    fn of(status: StatusCode, violations: Vec<Violation>) -> Problem {
        let lines: Vec<String> = violations.iter().map(Violation::to_string).collect();
        Problem {
            violations,
            ..Problem::new(status, lines.join("; "))
        }
    }

    fn json(&self) -> Value {
        let mut problem = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if !self.violations.is_empty() {
            let error = |of: &Violation| json!({ "field": of.field, "detail": of.why });
            problem["errors"] = self.violations.iter().map(error).collect();
        }
        problem
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Invalid(violation) => return Problem::of_fields(vec![violation.clone()]),
            Error::Refused(Refusal::NoSuchTask) => StatusCode::NOT_FOUND,
            Error::Refused(Refusal::Deleted) => StatusCode::GONE,
            Error::Refused(Refusal::Changed) => StatusCode::PRECONDITION_FAILED,
            Error::Refused(Refusal::KeyReused) => StatusCode::UNPROCESSABLE_ENTITY,
            error if error.is_passing() => StatusCode::SERVICE_UNAVAILABLE,
            _ => {
                // Logged there, with the neutral words for the caller.
                let neutral = Status::from(error);
                return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, neutral.message());
            }
        };
        Problem::new(status, error.to_string())
    }
}

impl From<BytesRejection> for Problem {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let why = format!("body: longer than {MAX_BODY_BYTES} bytes");
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why)
            }
            status => Problem::new(status, "body: it could not be read"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, kind, self.json().to_string()).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use muster_kit::store::sqlite::WriteError;

    use super::*;

    #[test]
    fn what_passes_is_told_with_when_to_try_again_and_what_fails_without_its_cause() {
        for passing in [WriteError::Full, WriteError::Busy] {
            let response = Problem::from(Error::from(Arc::new(passing))).into_response();
            assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        }
        let failed = Problem::from(Error::Read(sqlx::Error::WorkerCrashed));
        assert_eq!(failed.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(failed.detail, "internal error");
    }

    #[test]
    fn all_bad_fields_are_named() {
        let violations = ["user_id", "content"].map(|field| Violation::new(field, "required"));
        let problem = Problem::of_fields(violations.into()).json();
        assert_eq!(problem["detail"], "user_id: required; content: required");
        assert_eq!(
            problem["errors"],
            json!([
                { "field": "user_id", "detail": "required" },
                { "field": "content", "detail": "required" },
            ])
        );
    }
}
