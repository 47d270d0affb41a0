//! Until when a call may take.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tonic::Status;
use tonic::body::Body;

use super::error::CallError;

/// How long a call without a deadline waits for a server to send it to.
const DEFAULT_WAIT: Duration = Duration::from_secs(5);

/// A call's own deadline (`grpc-timeout`), counted from its start.
pub(super) struct Deadline {
    start: Instant,
    end: Option<Instant>,
}

impl Deadline {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let start = Instant::now();
        let end = timeout(request.headers()).and_then(|limit| start.checked_add(limit));
        Self { start, end }
    }

    /// Until when to wait for a server to send the call to.
    pub(super) fn for_a_peer(&self) -> Instant {
        self.end.unwrap_or(self.start + DEFAULT_WAIT)
    }

    /// None: the deadline passed first.
    pub(super) async fn bound<T>(&self, answer: impl Future<Output = T>) -> Option<T> {
        match self.end {
            Some(end) => timeout_at(end, answer).await.ok(),
            None => Some(answer.await),
        }
    }

    /// The deadline is that of the whole call, so the body ends with it too.
    pub(super) fn bound_body(&self, body: Incoming) -> Body {
        match self.end {
            Some(end) => Body::new(BoundBody {
                body,
                end: Box::pin(sleep_until(end)),
            }),
            None => Body::new(body),
        }
    }
}

/// Reads `grpc-timeout`: up to eight digits and a unit.
fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let value: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    match unit {
        "H" => Some(Duration::from_secs(value * 3600)),
        "M" => Some(Duration::from_secs(value * 60)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

/// A response's body, up to the deadline.
struct BoundBody {
    body: Incoming,
    end: Pin<Box<Sleep>>,
}

impl http_body::Body for BoundBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            let cut = |error: hyper::Error| Status::unavailable(format!("answer cut: {error}"));
            return Poll::Ready(frame.map(|frame| frame.map_err(cut)));
        }
        let end = this.end.as_mut().poll(cx);
        end.map(|()| Some(Err(CallError::late().into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-timeout", text.parse().unwrap());
        timeout(&headers)
    }

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        assert_eq!(read("100m"), Some(Duration::from_millis(100)));
        assert_eq!(read("5S"), Some(Duration::from_secs(5)));
        assert_eq!(read("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(read("1u"), Some(Duration::from_micros(1)));
    }

    #[test]
    fn what_is_no_timeout_is_none() {
        for bad in ["", "5", "S", "-1S", "123456789S", "5x", "5é"] {
            let value = http::HeaderValue::from_bytes(bad.as_bytes()).unwrap();
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static("grpc-timeout"), value)]);
            assert_eq!(timeout(&headers), None, "{bad}");
        }
    }
}
