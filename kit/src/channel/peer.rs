//! One endpoint of a channel.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::client::conn::TrySendError;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use super::Inner;
use super::deadline::Deadline;
use super::error::{CallError, Failure};
use super::outgoing::Outgoing;

/// One endpoint. A tonic client on it calls this endpoint and no other; while it is not ready,
/// a call fails at once with UNAVAILABLE.
#[derive(Clone)]
pub struct Peer {
    pub(super) addr: Arc<str>,
    inner: Arc<Inner>,
}

impl Peer {
    pub(super) fn new(addr: Arc<str>, inner: Arc<Inner>) -> Self {
        Self { addr, inner }
    }

    /// `host:port`.
    pub fn addr(&self) -> &str {
        &self.addr
    }

    /// Sends the call once. What did not reach the server is `outgoing` again.
    pub(super) async fn attempt(
        &self,
        outgoing: &mut Outgoing,
        deadline: &Deadline,
    ) -> Result<Response<Body>, CallError> {
        let Some(mut connection) = self.inner.table.connection(&self.addr) else {
            let why = format!("{} is not reachable", self.addr);
            return Err(CallError::new(Failure::Unreachable, why));
        };
        let request = outgoing.request(&self.addr, &self.inner.scheme)?;
        let sent = connection.try_send_request(request);
        let answered = deadline.bound(sent).await.ok_or_else(CallError::late)?;
        match answered {
            Ok(response) => Ok(response.map(|body| deadline.bound_body(body))),
            Err(error) => Err(self.failed(error, outgoing)),
        }
    }

    fn failed(&self, error: TrySendError<Request<Body>>, outgoing: &mut Outgoing) -> CallError {
        let mut error = error;
        let unsent = error.take_message();
        let failure = match &unsent {
            Some(_) => Failure::Unreachable,
            None => Failure::of(error.error()),
        };
        if let Some(request) = unsent {
            outgoing.give_back(request);
        }
        let why = format!("the call to {} failed", self.addr);
        CallError::new(failure, why).because(error.into_error())
    }
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (peer, mut meter) = (self.clone(), self.inner.meters.start(&mut request));
        meter.goes_to(&peer.addr);
        Box::pin(async move {
            let deadline = Deadline::of(&request);
            let mut outgoing = Outgoing::new(request);
            let answer = peer.attempt(&mut outgoing, &deadline).await;
            meter.follow(answer.map_err(Status::from))
        })
    }
}
