//! The web console: the files of `/web`, which are part of the binary.
//!
//! The page runs nothing but its own scripts and talks to nobody but its own origin; the headers that say so to the
//! browser are the same for every file.

mod files;

use axum::http::header::{self, HeaderName};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use muster_kit::server::HttpRoutes;
use sha2::{Digest, Sha256};

use self::files::{FILES, File, INDEX};

/// `'self'` of connect-src covers the WebSocket of the same host and port. The page makes no markup from texts, and
/// trusted types would stop it if it tried.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What is said of every file. It may be kept, but its ETag is to be asked for each time: a new binary has new files.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    ),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Every file under its own name. `/` is not among them, for it is the WebSocket's as well: see [`index`].
pub fn routes() -> HttpRoutes {
    let served = |routes: HttpRoutes, file: &'static File| {
        let answered = async move |headers: HeaderMap| answer(file, &headers);
        let route = get(answered).fallback(async || not_allowed());
        routes.route(&format!("/{}", file.name), route)
    };
    FILES.iter().fold(HttpRoutes::new(), served)
}

/// The page, for a request of these headers at `/` that asks for no WebSocket.
pub fn index(headers: &HeaderMap) -> Response {
    answer(&INDEX, headers)
}

fn answer(file: &File, headers: &HeaderMap) -> Response {
    let etag = etag(file.body);
    let is_known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .any(|known| knows(known, &etag));
    let about = [(header::ETAG, etag)];
    if is_known {
        return (StatusCode::NOT_MODIFIED, HEADERS, about).into_response();
    }
    let kind = [(header::CONTENT_TYPE, file.content_type())];
    (HEADERS, about, kind, file.body).into_response()
}

/// Changes with the content: the first half of its SHA-256.
fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex: String = digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{hex}\"")
}

/// Whether an `If-None-Match` names this etag; a weak one will do.
fn knows(known: &HeaderValue, etag: &str) -> bool {
    let mut all = known.to_str().unwrap_or_default().split(',').map(str::trim);
    all.any(|one| one == "*" || one.trim_start_matches("W/") == etag)
}

fn not_allowed() -> Response {
    let why = axum::Json(serde_json::json!({ "error": "served here: GET, HEAD" }));
    let allow = [(header::ALLOW, "GET, HEAD")];
    (StatusCode::METHOD_NOT_ALLOWED, allow, why).into_response()
}
