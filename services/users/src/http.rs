//! `POST /create`: JSON ⇄ domain.
//!
//! The body is `{"email": "…"}`, whatever the Content-Type. The answer is JSON:
//! - 200 `{"e0":null}`: there is a user of this address now, new or not;
//! - 400: the body is no JSON object, or its email no address;
//! - 403: it comes from a web page of another origin, or is addressed to a foreign host name;
//! - 405: not a POST;
//! - 413: the body is longer than 16 KiB;
//! - 500: the store failed;
//! - 503: too many sign-ups or welcome mails wait, or the disk is full: try again later.
//!
//! All but the first are `{"error": "…"}`, which says what was wrong.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use muster_kit::server::HttpRoutes;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::accounts::Accounts;

/// Far more than any address; beyond it a request is answered with 413.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// The HTTP side of these accounts.
pub fn routes(accounts: Accounts) -> HttpRoutes {
    HttpRoutes::new()
        .route("/create", post(create).fallback(not_allowed))
        .body_limit(MAX_BODY_BYTES)
        .with_state(accounts)
}

/// What a request is refused for.
struct Refusal(StatusCode, String);

/// The Content-Type is not looked at: `curl -d` sends that of a form.
async fn create(
    State(accounts): State<Accounts>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Refusal> {
    let email = email(&body?)?;
    accounts.create(&email).await.map_err(Status::from)?;
    Ok(Json(json!({ "e0": null })))
}

async fn not_allowed() -> Response {
    let refusal = Refusal(
        StatusCode::METHOD_NOT_ALLOWED,
        "only POST is served here".to_owned(),
    );
    ([(header::ALLOW, "POST")], refusal).into_response()
}

fn email(body: &[u8]) -> Result<String, Refusal> {
    let bad = |why: &str| Refusal(StatusCode::BAD_REQUEST, why.to_owned());
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| bad(&format!("body: expected JSON: {error}")))?;
    let body = body
        .as_object()
        .ok_or_else(|| bad("body: expected a JSON object"))?;
    match body.get("email") {
        Some(Value::String(email)) => Ok(email.clone()),
        Some(Value::Null) | None => Err(bad("email: required")),
        Some(_) => Err(bad("email: expected a string")),
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => {
                let why = format!("body: longer than {MAX_BODY_BYTES} bytes");
                Refusal(StatusCode::PAYLOAD_TOO_LARGE, why)
            }
            status => Refusal(status, "body: it could not be read".to_owned()),
        }
    }
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        let code = match status.code() {
            Code::InvalidArgument => StatusCode::BAD_REQUEST,
            Code::ResourceExhausted | Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Refusal(code, status.message().to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Refusal(code, why) = self;
        (code, Json(json!({ "error": why }))).into_response()
    }
}
