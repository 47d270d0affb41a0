//! What a browser must be told before it shows an answer to a page of another origin:
//! <https://fetch.spec.whatwg.org/#http-cors-protocol>. No cookies go with it, so that little has to be said.

use axum::body::Body;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};

use crate::origin::Sender;

/// What a page may send, Authorization apart, which a star does not cover; seconds for which a browser need not ask
/// again.
const ALLOWED: [(http::HeaderName, &str); 3] = [
    (ACCESS_CONTROL_ALLOW_METHODS, "*"),
    (ACCESS_CONTROL_ALLOW_HEADERS, "*, authorization"),
    (ACCESS_CONTROL_MAX_AGE, "600"),
];

/// Whether a browser asks what a page may send.
fn is_preflight<B>(request: &Request<B>) -> bool {
    let asks = request
        .headers()
        .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    request.method() == Method::OPTIONS && asks
}

/// The answer to a browser that asks what a page of another origin may send.
pub(super) fn preflight<B>(request: &Request<B>, sender: &Sender) -> Option<Response<Body>> {
    if !is_preflight(request) || *sender == Sender::Own {
        return None;
    }
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::NO_CONTENT;
    for (name, value) in ALLOWED {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    show(answer.headers_mut(), sender);
    Some(answer)
}

/// Lets the page that sent a request read the answer.
pub(super) fn show(answer: &mut HeaderMap, sender: &Sender) {
    let Sender::Page(origin) = sender else {
        return;
    };
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    answer.append(VARY, HeaderValue::from_static("origin"));
}
