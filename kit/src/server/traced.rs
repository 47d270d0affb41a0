//! The span of a request, by the semantic conventions of OpenTelemetry for RPC and HTTP.
//! <https://opentelemetry.io/docs/specs/semconv/rpc> <https://opentelemetry.io/docs/specs/semconv/http>

use std::sync::Arc;

use http::uri::Authority;
use http::{Request, Version, header};
use tonic::Code;

use super::edge::Shared;
use super::meter::OTHER;
use crate::rpc_method::RpcMethod;
use crate::status::code_name;
use crate::trace::{self, Kind, Span, TraceContext};
use crate::work::Place;

/// The failures that are the server's own, of which no caller is to blame.
const OWN_FAILURES: [Code; 6] = [
    Code::Unknown,
    Code::DeadlineExceeded,
    Code::Unimplemented,
    Code::Internal,
    Code::Unavailable,
    Code::DataLoss,
];

/// A request that is part of a trace.
pub(super) struct Traced(Span);

/// Begins the span of a gRPC call; `None` if there is neither a trace that it belongs to nor one to begin.
pub(super) fn rpc<B>(
    request: &Request<B>,
    shared: &Shared,
    method: &RpcMethod,
) -> Option<Box<Traced>> {
    let like = method.span()?;
    let parent = parent(request)?;
    let mut span = Span::begin_like(shared.service, like, parent.as_ref());
    note_server(&mut span, request);
    Some(Box::new(Traced(span)))
}

/// The same of an HTTP request.
pub(super) fn http<B>(request: &Request<B>, shared: &Shared, scheme: &str) -> Option<Box<Traced>> {
    let method = method_name(request.method());
    if !trace::is_traced(request.uri().path()) {
        return None;
    }
    let parent = parent(request)?;
    let mut span = Span::begin(shared.service, Kind::Server, method, parent.as_ref());
    if span.is_recorded() {
        if let Some(route) = shared.patterns.of(request.uri().path()) {
            span.rename(&format!("{method} {route}"));
            span.note("http.route", route);
        }
        span.note("http.request.method", method);
        span.note("url.path", request.uri().path());
        span.note("url.scheme", scheme);
        span.note("network.protocol.version", version(request.version()));
        note_server(&mut span, request);
    }
    Some(Box::new(Traced(span)))
}

/// The trace that a request belongs to; none within where it begins one, and none at all where it does not.
fn parent<B>(request: &Request<B>) -> Option<Option<TraceContext>> {
    let parent = TraceContext::of(request.headers());
    (parent.is_some() || trace::is_on()).then_some(parent)
}

impl Traced {
    /// Where it is in which trace.
    pub(super) fn place(&self) -> Option<Arc<Place>> {
        self.0.place()
    }

    /// Its caller went away before there was a status.
    pub(super) fn end_cancelled(&mut self, method: Option<&RpcMethod>) {
        match method {
            Some(method) => self.end_rpc(method, Code::Cancelled),
            None => self.0.fail("cancelled"),
        }
    }

    /// It has ended with this status.
    pub(super) fn end_rpc(&mut self, method: &RpcMethod, code: Code) {
        method.note_end(&mut self.0, code);
        if OWN_FAILURES.contains(&code) {
            self.0.fail(code_name(code));
        }
    }

    /// The same of an HTTP request.
    pub(super) fn end_http(&mut self, status: u16) {
        if !self.0.is_recorded() {
            return;
        }
        self.0
            .note_number("http.response.status_code", status.into());
        if status >= 500 {
            self.0.fail(&status.to_string());
        }
    }
}

/// It is served where it was addressed to: HTTP/2 has an authority, HTTP/1.1 a Host.
fn note_server<B>(span: &mut Span, request: &Request<B>) {
    let host = || request.headers().get(header::HOST)?.to_str().ok();
    let named = request.uri().authority().map(Authority::as_str);
    if let Some(at) = named.or_else(host) {
        span.note_server(at);
    }
}

/// Names from outside would grow without bound.
fn method_name(method: &http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "CONNECT" => "CONNECT",
        "TRACE" => "TRACE",
        _ => OTHER,
    }
}

fn version(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "2",
        Version::HTTP_10 => "1.0",
        _ => "1.1",
    }
}
