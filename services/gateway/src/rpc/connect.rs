//! The Connect protocol's unary call: a message in, a message out, or an error with a meaningful HTTP status.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use muster_kit::status;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::Status;

use super::call::Call;
use super::method::Method;
use super::wire::{self, Format};
use super::{Edge, LONGEST_CALL, json, late};

const PROTOCOL_VERSION: &str = "connect-protocol-version";
const TIMEOUT_MS: &str = "connect-timeout-ms";

/// Passes a call on, and answers it.
pub(super) async fn answer(
    edge: &Edge,
    method: &Method,
    format: Format,
    request: Request,
) -> Response {
    let answer = timeout(LONGEST_CALL, exchange(edge, method, format, request)).await;
    match answer.unwrap_or_else(|_| Err(late())) {
        Ok(message) => ([(CONTENT_TYPE, format.content_type())], message).into_response(),
        Err(status) => edge.errors.answer(&status),
    }
}

async fn exchange(
    edge: &Edge,
    method: &Method,
    format: Format,
    request: Request,
) -> Result<Bytes, Status> {
    let (head, body) = request.into_parts();
    let limit = limit(&head.headers)?;
    if method.is_streaming {
        let why = format!("{} answers with a stream: call it as gRPC-Web", method.path);
        return Err(Status::unimplemented(why));
    }
    let deadline = limit.map(|limit| Instant::now() + limit);
    let message = message(edge, method, format, body);
    let message = match deadline {
        Some(deadline) => timeout_at(deadline, message).await.map_err(|_| late())??,
        None => message.await?,
    };
    let timeout = deadline.map(grpc_timeout);
    let call = Call { message, timeout };
    let channel = edge.channel(method)?;
    let answer = call.unary(channel, method).await?;
    match format {
        Format::Proto => Ok(answer),
        Format::Json => {
            let kind = method.output.clone();
            let work = edge
                .room
                .work(answer.len(), move || json::encode(kind, &answer));
            work.await
        }
    }
}

/// The message of a request, encoded for the service.
async fn message(
    edge: &Edge,
    method: &Method,
    format: Format,
    body: Body,
) -> Result<Bytes, Status> {
    let received = edge.room.receive(body).await?;
    match format {
        Format::Proto => Ok(received.bytes),
        Format::Json => {
            let (kind, length) = (method.input.clone(), received.bytes.len());
            let work = move || json::decode(&kind, &received.bytes);
            edge.room.work(length, work).await
        }
    }
}

/// What the headers ask for: how long the call may take.
///
/// # Errors
/// They ask for something else than what there is.
fn limit(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let version = headers.get(PROTOCOL_VERSION).map(HeaderValue::as_bytes);
    if version.is_some_and(|version| version != b"1") {
        return Err(status::invalid(
            PROTOCOL_VERSION,
            "there is version 1 alone",
        ));
    }
    wire::is_plain(headers)?;
    let Some(timeout) = headers.get(TIMEOUT_MS) else {
        return Ok(None);
    };
    let digits = timeout.to_str().unwrap_or_default();
    let is_number = (1..=10).contains(&digits.len()) && digits.bytes().all(|d| d.is_ascii_digit());
    let ms = digits.parse().ok().filter(|_| is_number);
    let ms = ms.ok_or_else(|| status::invalid(TIMEOUT_MS, "expected up to ten digits"))?;
    Ok(Some(Duration::from_millis(ms).min(LONGEST_CALL)))
}

/// The time that is left, for the service.
fn grpc_timeout(deadline: Instant) -> HeaderValue {
    let left = deadline.saturating_duration_since(Instant::now());
    let ms = left.as_millis().max(1);
    // No limit is longer than that of all calls: five digits.
    HeaderValue::try_from(format!("{ms}m")).unwrap_or(HeaderValue::from_static("1m"))
}
