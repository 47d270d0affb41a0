//! The span of a call to others, by the semantic conventions of OpenTelemetry for RPC.
//! <https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans>

use http::Request;
use tonic::Code;

use crate::status::code_name;
use crate::trace::{Kind, Span, is_traced};

/// Begins the span of a call that is part of the work of this task, and sends its context along.
pub(super) fn begin<B>(request: &mut Request<B>) -> Span {
    let path = request.uri().path();
    let method = path.trim_start_matches('/');
    let mut span = match is_traced(path) {
        true => Span::part(Kind::Client, method),
        false => Span::none(),
    };
    if span.is_recorded() {
        span.note("rpc.system.name", "grpc");
        span.note("rpc.method", method);
    }
    if let Some(context) = span.context() {
        context.put(request.headers_mut());
    }
    span
}

/// It has ended with this status, at an endpoint (`host:port`) if it came to one.
pub(super) fn end(span: &mut Span, code: Code, peer: Option<&str>) {
    if !span.is_recorded() {
        return;
    }
    if let Some((host, port)) = peer.and_then(|addr| addr.rsplit_once(':')) {
        span.note("server.address", host.trim_matches(['[', ']']));
        if let Ok(port) = port.parse::<u16>() {
            span.note_number("server.port", port.into());
        }
    }
    span.note("rpc.response.status_code", code_name(code));
    // To a caller every failure is one.
    if code != Code::Ok {
        span.fail(code_name(code));
    }
}
