//! Requests that get no connection.

use axum::Json;
use axum::http::header::{ALLOW, CONNECTION, HeaderName, SEC_WEBSOCKET_VERSION, UPGRADE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

/// What is answered to a request that gets no connection, and tells what would get one.
#[derive(Debug)]
pub(super) struct Refused {
    status: StatusCode,
    why: String,
}

impl Refused {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Refused {
        let why = why.into();
        Refused { status, why }
    }

    /// The headers that go with the status.
    fn headers(&self) -> Vec<(HeaderName, &'static str)> {
        match self.status {
            StatusCode::UPGRADE_REQUIRED => vec![
                (CONNECTION, "upgrade"),
                (UPGRADE, "websocket"),
                (SEC_WEBSOCKET_VERSION, "13"),
            ],
            StatusCode::METHOD_NOT_ALLOWED => vec![(ALLOW, "GET, HEAD")],
            _ => Vec::new(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let why = Json(serde_json::json!({ "error": &self.why }));
        let mut response = (self.status, why).into_response();
        for (name, value) in self.headers() {
            response
                .headers_mut()
                .insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
