//! The span of a call to others, by the semantic conventions of OpenTelemetry for RPC.
//! <https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans>

use http::Request;
use tonic::Code;

use crate::rpc_method::RpcMethod;
use crate::status::code_name;
use crate::trace::Span;

/// Begins the span of a call that is part of the work of this task, and sends its context along.
pub(super) fn begin<B>(request: &mut Request<B>, method: &RpcMethod) -> Span {
    let span = method.span().map_or_else(Span::none, Span::part_like);
    if let Some(context) = span.context() {
        context.put(request.headers_mut());
    }
    span
}

/// It has ended with this status, at an endpoint (`host:port`) if it came to one.
pub(super) fn end(span: &mut Span, method: &RpcMethod, code: Code, peer: Option<&str>) {
    if let Some(peer) = peer {
        span.note_server(peer);
    }
    method.note_end(span, code);
    // To a caller every failure is one.
    if code != Code::Ok {
        span.fail(code_name(code));
    }
}
