//! Durations of calls to others, by method and code.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body::{Frame, SizeHint};
use metrics::histogram;
use tonic::body::Body;
use tonic::{Code, Status};

use crate::status::code_name;

/// A call that is under way; counted when it is dropped.
pub(super) struct Meter {
    method: String,
    started: Instant,
    /// Where there is none in the end, the caller went away before.
    code: Option<Code>,
}

impl Meter {
    /// Of the call of a path: `/package.Service/Method`.
    pub(super) fn start(path: &str) -> Meter {
        Meter {
            method: path.trim_start_matches('/').to_owned(),
            started: Instant::now(),
            code: None,
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
        histogram!(
            "rpc_client_call_duration_seconds",
            "rpc_method" => std::mem::take(&mut self.method),
            "rpc_response_status_code" => code_name(self.code.unwrap_or(Code::Cancelled)),
        )
        .record(self.started.elapsed());
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
