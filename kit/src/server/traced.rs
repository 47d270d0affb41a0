//! The span of a request, by the semantic conventions of OpenTelemetry for RPC and HTTP.
//! <https://opentelemetry.io/docs/specs/semconv/rpc> <https://opentelemetry.io/docs/specs/semconv/http>

use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderMap, Method, Request, Version, header};
use tonic::Code;

use super::edge::Shared;
use crate::status::code_name;
use crate::trace::{self, Kind, Span, TraceContext};
use crate::work::Place;

/// What is called is none of ours.
const OTHER: &str = "_OTHER";
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
pub(super) struct Traced {
    span: Span,
    /// For the tasks that work on it.
    place: Option<Arc<Place>>,
}

/// Begins the span of a gRPC call; `None` if there is neither a trace that it belongs to nor one to begin.
pub(super) fn rpc<B>(
    request: &Request<B>,
    service: &'static str,
    is_known: bool,
) -> Option<Box<Traced>> {
    let method = match is_known {
        true => request.uri().path().trim_start_matches('/'),
        false => OTHER,
    };
    let mut span = begin(request, service, method)?;
    if span.is_recorded() {
        span.note("rpc.system.name", "grpc");
        span.note("rpc.method", method);
        note_server(&mut span, request);
    }
    Some(Traced::new(span))
}

/// The same of an HTTP request.
pub(super) fn http<B>(request: &Request<B>, shared: &Shared, scheme: &str) -> Option<Box<Traced>> {
    let method = method_name(request.method());
    let mut span = begin(request, shared.service, method)?;
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
    Some(Traced::new(span))
}

fn begin<B>(request: &Request<B>, service: &'static str, name: &str) -> Option<Span> {
    let parent = TraceContext::of(request.headers());
    if parent.is_none() && !trace::is_on() {
        return None;
    }
    if !trace::is_traced(request.uri().path()) {
        return None;
    }
    Some(Span::begin(service, Kind::Server, name, parent.as_ref()))
}

impl Traced {
    fn new(span: Span) -> Box<Traced> {
        let place = span.place();
        Box::new(Traced { span, place })
    }

    /// Where it is in which trace.
    pub(super) fn place(&self) -> Option<Arc<Place>> {
        self.place.clone()
    }

    /// Its caller went away before there was a status.
    pub(super) fn end_cancelled(&mut self, is_grpc: bool) {
        match is_grpc {
            true => self.end_rpc(Code::Cancelled),
            false => self.span.fail("cancelled"),
        }
    }

    /// It has ended with this status.
    pub(super) fn end_rpc(&mut self, code: Code) {
        let name = code_name(code);
        self.span.note("rpc.response.status_code", name);
        if OWN_FAILURES.contains(&code) {
            self.span.fail(name);
        }
    }

    /// The same of an HTTP request.
    pub(super) fn end_http(&mut self, status: u16) {
        if !self.span.is_recorded() {
            return;
        }
        self.span
            .note_number("http.response.status_code", status.into());
        if status >= 500 {
            self.span.fail(&status.to_string());
        }
    }
}

fn note_server<B>(span: &mut Span, request: &Request<B>) {
    let named = request.uri().authority().cloned();
    let Some(server) = named.or_else(|| host(request.headers())) else {
        return;
    };
    span.note("server.address", server.host());
    if let Some(port) = server.port_u16() {
        span.note_number("server.port", port.into());
    }
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

/// Names from outside would grow without bound.
fn method_name(method: &Method) -> &'static str {
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
