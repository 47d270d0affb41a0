//! One request, from its head to the end of its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version};
use tonic::{Code, Status};

use super::edge::Shared;
use super::meter::{self, Method};
use super::traced::{self, Traced};
use crate::request_id::{self, RequestId};
use crate::work::Work;

/// What must be known about a request until its answer has ended. A stream that is open keeps
/// it: small.
pub(super) struct Call {
    id: RequestId,
    pub(super) is_grpc: bool,
    /// What is called, if it is a method that exists.
    method: Option<Method>,
    outcome: Outcome,
    shared: Arc<Shared>,
    started: Instant,
    /// Boxed: hardly any stream has one.
    traced: Option<Box<Traced>>,
}

/// How it ended, as far as is known.
#[derive(Clone, Copy)]
enum Outcome {
    /// The caller went away before there was a status.
    Cancelled,
    Grpc(Code),
    Http(u16),
}

impl Call {
    pub(super) fn of<B>(request: &Request<B>, shared: &Arc<Shared>, scheme: &'static str) -> Self {
        shared.meters.begun();
        let is_grpc = is_grpc_call(request, shared);
        let method = match is_grpc {
            true => shared.meters.method(request.uri().path()),
            false => None,
        };
        let traced = match is_grpc {
            _ if !shared.is_traced() => None,
            true => traced::rpc(request, shared, shared.meters.of(method)),
            false => traced::http(request, shared, scheme),
        };
        Self {
            id: RequestId::of(request.headers()),
            is_grpc,
            method,
            outcome: Outcome::Cancelled,
            shared: Arc::clone(shared),
            started: Instant::now(),
            traced,
        }
    }

    /// For the task that works on it.
    pub(super) fn work(&self) -> Work {
        let traced = self.traced.as_ref().and_then(|traced| traced.place());
        Work::of(self.id.clone(), traced)
    }

    /// Notes what the head of the answer tells, and puts the request's id there if somebody
    /// will look for it: the caller gave it, or the call failed.
    pub(super) fn note_head<B>(&mut self, head: &mut Response<B>) {
        let failed = if self.is_grpc {
            let code = head
                .headers()
                .get("grpc-status")
                .map(|value| Code::from_bytes(value.as_bytes()));
            if let Some(code) = code {
                self.outcome = Outcome::Grpc(code);
            }
            code.is_some_and(|code| code != Code::Ok)
        } else {
            self.outcome = Outcome::Http(head.status().as_u16());
            !head.status().is_success() && head.status() != StatusCode::SWITCHING_PROTOCOLS
        };
        if failed || self.id.is_given() {
            let value = self.id.header_value();
            head.headers_mut()
                .extend(value.map(|value| (request_id::HEADER, value)));
        }
    }

    /// Notes the status that the trailers tell.
    pub(super) fn note_trailers(&mut self, trailers: &HeaderMap) {
        if let Some(status) = Status::from_header_map(trailers) {
            self.outcome = Outcome::Grpc(status.code());
        }
    }

    /// How much is left of the time that the caller allows, counted from the head of the request.
    pub(super) fn time_left(&self, allowed: Duration) -> Duration {
        allowed.saturating_sub(self.started.elapsed())
    }

    /// Its handler was not done by the deadline.
    pub(super) fn count_late(&self) {
        self.shared.meters.refused("deadline");
    }

    fn record(&self, code: Code, took: Duration) {
        if self.method.is_some() {
            self.shared.meters.of(self.method).record(code, took);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let took = self.started.elapsed();
        self.shared.meters.ended();
        match self.outcome {
            Outcome::Http(status) => meter::record_http(self.shared.service, status, took),
            Outcome::Grpc(code) => self.record(code, took),
            Outcome::Cancelled => self.record(Code::Cancelled, took),
        }
        if let Some(traced) = &mut self.traced {
            let method = self.shared.meters.of(self.method);
            match self.outcome {
                Outcome::Http(status) => traced.end_http(status),
                Outcome::Grpc(code) => traced.end_rpc(method, code),
                Outcome::Cancelled => traced.end_cancelled(self.is_grpc.then_some(method)),
            }
        }
    }
}

/// A call of a gRPC service of this port. Only HTTP/2 has them, which pages speak with none but
/// servers that have TLS: whatever comes over HTTP/1.1 under that Content-Type is no call.
fn is_grpc_call<B>(request: &Request<B>, shared: &Shared) -> bool {
    request.version() == Version::HTTP_2
        && claims_grpc(request.headers())
        && shared.serves_grpc(request.uri().path())
}

/// Says that it is gRPC itself; not gRPC-Web, which pages can send.
pub(super) fn claims_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let rest = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
}
