//! Calls to others: their durations by method and code, and their spans.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::{Frame, SizeHint};
use tonic::body::Body;
use tonic::{Code, Status};

use super::traced;
use crate::rpc_method::RpcMethod;
use crate::trace::Span;

/// The meters of one channel, by path. Only our own code calls by it, so that there are few.
#[derive(Default)]
pub(super) struct Meters(RwLock<HashMap<String, Arc<RpcMethod>>>);

impl Meters {
    fn of(&self, path: &str) -> Arc<RpcMethod> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(method) = known.get(path) {
            return method.clone();
        }
        drop(known);
        let method = Arc::new(RpcMethod::called(path));
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(path.to_owned()).or_insert(method).clone()
    }

    /// Starts that of a call, which gets the context of its trace.
    pub(super) fn start(&self, request: &mut Request<Body>) -> Meter {
        let method = self.of(request.uri().path());
        Meter {
            span: traced::begin(request, &method),
            method,
            started: Instant::now(),
            code: None,
            peer: None,
        }
    }
}

/// A call that is under way; counted when it is dropped.
pub(super) struct Meter {
    method: Arc<RpcMethod>,
    started: Instant,
    /// Where there is none in the end, the caller went away before.
    code: Option<Code>,
    span: Span,
    /// Which endpoint it went to last.
    peer: Option<Arc<str>>,
}

impl Meter {
    /// It goes to this endpoint.
    pub(super) fn goes_to(&mut self, addr: &Arc<str>) {
        if self.span.is_recorded() {
            self.peer = Some(addr.clone());
        }
    }

    /// Goes on to the end of the answer, if there is one.
    pub(super) fn follow(
        mut self,
        answer: Result<Response<Body>, Status>,
    ) -> Result<Response<Body>, Status> {
        match answer {
            Ok(response) => {
                self.note(response.headers());
                let followed = |body| Body::new(Followed { body, meter: self });
                Ok(response.map(followed))
            }
            Err(status) => {
                self.code = Some(status.code());
                Err(status)
            }
        }
    }

    /// The status, if it is there.
    fn note(&mut self, headers: &HeaderMap) {
        if let Some(code) = headers.get("grpc-status") {
            self.code = Some(Code::from_bytes(code.as_bytes()));
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        let code = self.code.unwrap_or(Code::Cancelled);
        traced::end(&mut self.span, &self.method, code, self.peer.as_deref());
        self.method.record(code, self.started.elapsed());
    }
}

/// An answer whose trailers are looked at.
struct Followed {
    body: Body,
    meter: Meter,
}

impl http_body::Body for Followed {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.meter.note(trailers);
                }
            }
            Poll::Ready(Some(Err(status))) => self.meter.code = Some(status.code()),
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
