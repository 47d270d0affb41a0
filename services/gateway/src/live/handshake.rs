//! The opening handshake: RFC 6455 section 4.2.

use axum::http::header::{
    CONNECTION, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use tungstenite::handshake::derive_accept_key;

use super::refused::Refused;

/// Whether a WebSocket is asked for.
pub(super) fn is_wanted(headers: &HeaderMap) -> bool {
    has(headers, UPGRADE, "websocket")
}

/// What proves to the client that its handshake was understood.
///
/// # Errors
/// What to answer to a handshake that is none.
pub(super) fn accept(headers: &HeaderMap) -> Result<String, Refused> {
    if !is_wanted(headers) || !has(headers, CONNECTION, "upgrade") {
        return Err(refusal("upgrade: expected a WebSocket handshake"));
    }
    if !has(headers, SEC_WEBSOCKET_VERSION, "13") {
        return Err(refusal("sec-websocket-version: expected 13"));
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24);
    let key = key.ok_or_else(|| refusal("sec-websocket-key: expected 16 bytes in base64"))?;
    Ok(derive_accept_key(key.as_bytes()))
}

/// The answer to a handshake.
pub(super) fn switch(accept: &str) -> Response {
    let headers = [
        (CONNECTION, "upgrade"),
        (UPGRADE, "websocket"),
        (SEC_WEBSOCKET_ACCEPT, accept),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// A request that is no handshake.
pub(super) fn refusal(why: &str) -> Refused {
    Refused::new(StatusCode::UPGRADE_REQUIRED, why)
}

/// Whether a header lists a token.
fn has(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter();
    let mut tokens = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    tokens.any(|listed| listed.trim().eq_ignore_ascii_case(token))
}
