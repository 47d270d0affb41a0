//! The body of an answer: ends at the deadline, survives a panic, tells how the call went.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use super::call::Call;

/// A handler's body on its way to the connection.
pub(super) struct Answer {
    /// Gone once it has ended.
    body: Option<Body>,
    call: Call,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl Answer {
    /// The answer of a call that the caller allows so much time.
    pub(super) fn new(body: Body, call: Call, allowed: Option<Duration>) -> Self {
        // Whatever has ended already needs no timer: the answer to a failed call, for one.
        let allowed = allowed.filter(|_| !body.is_end_stream());
        let deadline = allowed.map(|allowed| Box::pin(sleep(call.time_left(allowed))));
        Self {
            body: Some(body),
            call,
            deadline,
        }
    }

    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline = self.deadline.as_mut();
        deadline.is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }

    /// Ends the body with a status of ours.
    fn end_with(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.body = None;
        if !self.call.is_grpc {
            return Poll::Ready(Some(Err(axum::Error::new(status.clone()))));
        }
        let mut trailers = http::HeaderMap::new();
        // The only statuses here are our own, of plain ASCII.
        let _fits = status.add_header(&mut trailers);
        self.call.note_trailers(&trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let late = this.body.is_some() && this.is_late(cx);
        let Some(body) = this.body.as_mut() else {
            return Poll::Ready(None);
        };
        if late {
            return this.end_with(&Status::deadline_exceeded("deadline exceeded"));
        }
        let polled = this
            .call
            .work()
            .sync_scope(|| catch_unwind(AssertUnwindSafe(|| Pin::new(body).poll_frame(cx))));
        let Ok(polled) = polled else {
            return this.end_with(&Status::internal("internal error"));
        };
        let frame = ready!(polled);
        if let Some(Ok(frame)) = &frame
            && let Some(trailers) = frame.trailers_ref()
        {
            this.call.note_trailers(trailers);
        }
        if frame.is_none() {
            this.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
