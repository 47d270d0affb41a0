//! Until when a call may take.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};
use tonic::Status;
use tonic::body::Body;

use super::error::CallError;
use crate::grpc_timeout;

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
        let end = grpc_timeout::of(request.headers()).and_then(|limit| start.checked_add(limit));
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
