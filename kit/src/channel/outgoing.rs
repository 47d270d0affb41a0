//! A request on its way, for as many attempts as it takes.

use bytes::Bytes;
use futures_util::FutureExt;
use http::request::Parts;
use http::uri::{Authority, Scheme};
use http::{Request, Uri};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tonic::Status;
use tonic::body::Body;

use super::error::{CallError, Failure};

/// Messages up to this size are kept until the answer, so that they can be sent again.
const MAX_KEPT_BYTES: usize = 1024 * 1024;

/// A request whose body is kept where it is one message (a unary call's), and otherwise lasts
/// for the one attempt that takes it.
pub(super) struct Outgoing {
    head: Parts,
    payload: Payload,
}

enum Payload {
    Message(Bytes),
    Stream(Body),
    Spent,
}

impl Outgoing {
    pub(super) fn new(request: Request<Body>) -> Self {
        let (head, body) = request.into_parts();
        let payload = Payload::of(body);
        Self { head, payload }
    }

    /// The full name of the gRPC service that is called.
    pub(super) fn service(&self) -> &str {
        let path = self.head.uri.path().trim_start_matches('/');
        path.split_once('/').map_or(path, |(service, _)| service)
    }

    pub(super) fn can_be_sent(&self) -> bool {
        !matches!(self.payload, Payload::Spent)
    }

    /// The request, addressed to `addr`.
    pub(super) fn request(
        &mut self,
        addr: &str,
        scheme: &Scheme,
    ) -> Result<Request<Body>, CallError> {
        let mut head = self.head.clone();
        head.uri = absolute(&head.uri, addr, scheme)?;
        let body = match std::mem::replace(&mut self.payload, Payload::Spent) {
            Payload::Message(message) => {
                self.payload = Payload::Message(message.clone());
                Body::new(Full::new(message))
            }
            Payload::Stream(body) => body,
            Payload::Spent => Body::empty(),
        };
        Ok(Request::from_parts(head, body))
    }

    /// A request that was not sent after all.
    pub(super) fn give_back(&mut self, request: Request<Body>) {
        if let Payload::Spent = self.payload {
            self.payload = Payload::Stream(request.into_body());
        }
    }
}

impl Payload {
    /// A unary call's body is one frame that is there at once, and its end.
    fn of(mut body: Body) -> Self {
        let Some(Some(Ok(frame))) = body.frame().now_or_never() else {
            return Payload::Stream(body);
        };
        let second = body.frame().now_or_never();
        match (frame.into_data(), second) {
            (Ok(message), Some(None)) if message.len() <= MAX_KEPT_BYTES => {
                Payload::Message(message)
            }
            (first, second) => Payload::Stream(rejoined(first, second, body)),
        }
    }
}

type Polled = Option<Result<Frame<Bytes>, Status>>;

/// The body as it was before its first frames were taken.
fn rejoined(first: Result<Bytes, Frame<Bytes>>, second: Option<Polled>, rest: Body) -> Body {
    let first = first.map_or_else(|frame| frame, Frame::data);
    let taken = [Some(Ok(first)), second.flatten()].into_iter().flatten();
    let rest = rest.into_data_stream();
    let rest = futures_util::StreamExt::map(rest, |data| data.map(Frame::data));
    let all = futures_util::StreamExt::chain(futures_util::stream::iter(taken), rest);
    Body::new(StreamBody::new(all))
}

/// tonic's clients give a path only; HTTP/2 wants scheme and authority too.
fn absolute(uri: &Uri, addr: &str, scheme: &Scheme) -> Result<Uri, CallError> {
    let bad = |_| CallError::new(Failure::Unreachable, format!("{addr} is no host:port"));
    let authority: Authority = addr.parse().map_err(bad)?;
    let mut parts = uri.clone().into_parts();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority);
    let no_uri = |_| CallError::new(Failure::Unreachable, format!("{uri} is no path"));
    Uri::from_parts(parts).map_err(no_uri)
}
