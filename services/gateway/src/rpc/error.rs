//! What a call that failed is answered: the Connect protocol's JSON.
//!
//! `{"code":"invalid_argument","message":"…","details":[{"type":"google.rpc.BadRequest","value":"…","debug":{…}}]}`

use axum::Json;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use http::StatusCode;
use muster_kit::status::code_name;
use prost::Message;
use prost_reflect::{DescriptorError, DescriptorPool, DynamicMessage};
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::pb;

/// Tells errors.
#[derive(Debug)]
pub(super) struct Errors {
    /// The types of details: `google.rpc`.
    details: DescriptorPool,
}

impl Errors {
    /// # Errors
    /// The descriptors of details cannot be read.
    pub(super) fn new() -> Result<Errors, DescriptorError> {
        let details = DescriptorPool::decode(pb::FILE_DESCRIPTOR_SET)?;
        Ok(Errors { details })
    }

    /// The answer, with the HTTP status that stands for its code.
    pub(super) fn answer(&self, status: &Status) -> Response {
        self.answer_as(http_status(status.code()), status)
    }

    /// The same with another HTTP status, where HTTP has a better word.
    pub(super) fn answer_as(&self, http_status: StatusCode, status: &Status) -> Response {
        (http_status, Json(self.body(status))).into_response()
    }

    fn body(&self, status: &Status) -> Value {
        let mut body = json!({ "code": connect_name(status.code()) });
        if !status.message().is_empty() {
            body["message"] = status.message().into();
        }
        let details = self.details(status.details());
        if !details.is_empty() {
            body["details"] = details.into();
        }
        body
    }

    /// What `grpc-status-details-bin` holds: a `google.rpc.Status`.
    fn details(&self, encoded: &[u8]) -> Vec<Value> {
        let status = pb::Status::decode(encoded).unwrap_or_default();
        status.details.iter().map(|any| self.detail(any)).collect()
    }

    fn detail(&self, any: &prost_types::Any) -> Value {
        let name = any.type_url.rsplit('/').next().unwrap_or_default();
        let value = BASE64_STANDARD_NO_PAD.encode(&any.value);
        let mut detail = json!({ "type": name, "value": value });
        if let Some(debug) = self.shown(name, &any.value) {
            detail["debug"] = debug;
        }
        detail
    }

    /// A detail as people read it, if its type is known.
    fn shown(&self, name: &str, value: &[u8]) -> Option<Value> {
        let kind = self.details.get_message_by_name(name)?;
        let message = DynamicMessage::decode(kind, value).ok()?;
        serde_json::to_value(message).ok()
    }
}

/// Codes are written as gRPC does, in lower case, but for one.
fn connect_name(code: Code) -> String {
    match code {
        Code::Cancelled => "canceled".to_owned(),
        code => code_name(code).to_ascii_lowercase(),
    }
}

fn http_status(code: Code) -> StatusCode {
    let number = match code {
        Code::Ok => 200,
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => 400,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::NotFound => 404,
        Code::AlreadyExists | Code::Aborted => 409,
        Code::ResourceExhausted => 429,
        Code::Cancelled => 499,
        Code::Unknown | Code::Internal | Code::DataLoss => 500,
        Code::Unimplemented => 501,
        Code::Unavailable => 503,
        Code::DeadlineExceeded => 504,
    };
    StatusCode::from_u16(number).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_name_and_the_http_status_that_connect_gives_it() {
        let told = (1..=16).map(|number| {
            let code = Code::from_i32(number);
            (connect_name(code), http_status(code).as_u16())
        });
        let expected = [
            ("canceled", 499),
            ("unknown", 500),
            ("invalid_argument", 400),
            ("deadline_exceeded", 504),
            ("not_found", 404),
            ("already_exists", 409),
            ("permission_denied", 403),
            ("resource_exhausted", 429),
            ("failed_precondition", 400),
            ("aborted", 409),
            ("out_of_range", 400),
            ("unimplemented", 501),
            ("internal", 500),
            ("unavailable", 503),
            ("data_loss", 500),
            ("unauthenticated", 401),
        ];
        let expected = expected.map(|(name, status)| (name.to_owned(), status));
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn details_are_told_in_base64_and_for_people() {
        let status = muster_kit::status::invalid("user_id", "required");
        let body = Errors::new().unwrap().body(&status);
        assert_eq!(body["details"][0]["type"], "google.rpc.BadRequest");
        let violation = &body["details"][0]["debug"]["fieldViolations"][0];
        assert_eq!(violation["field"], "user_id");
        let value = body["details"][0]["value"].as_str().unwrap();
        let value = BASE64_STANDARD_NO_PAD.decode(value).unwrap();
        let bad = pb::BadRequest::decode(value.as_slice()).unwrap();
        assert_eq!(bad.field_violations[0].description, "required");
    }

    #[test]
    fn a_detail_of_an_unknown_type_is_passed_on() {
        let details = vec![prost_types::Any {
            type_url: "type.googleapis.com/x.Y".to_owned(),
            value: vec![0xff],
        }];
        let status = pb::Status {
            details,
            ..Default::default()
        };
        let told = Errors::new().unwrap().details(&status.encode_to_vec());
        assert_eq!(told, [json!({ "type": "x.Y", "value": "/w" })]);
    }
}
