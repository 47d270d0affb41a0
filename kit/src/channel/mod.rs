//! Calls to a service that has any number of endpoints: strictly round robin over those that
//! are ready.
//!
//! tonic's own balancing is random, takes a dead endpoint for a ready one, and waits for ever
//! where there is none. Here each endpoint that discovery lists has a task that keeps one
//! connection to it; a connection that ends is out of the rotation at once; a call that
//! certainly never reached a server goes to another; and one that finds no server in time fails
//! with UNAVAILABLE.

mod connection;
mod deadline;
mod error;
mod greeting;
mod meter;
mod outgoing;
mod peer;
mod table;
mod traced;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::uri::Scheme;
use http::{Request, Response};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use crate::discovery::Endpoints;
use crate::tls::Dial;
use deadline::Deadline;
pub use error::was_sent;
use error::{CallError, Failure};
use meter::{Meter, Meters};
use outgoing::Outgoing;
pub use peer::Peer;
use table::Table;

/// How often a call is tried at most: a server may refuse it untouched, and the next one too.
const MAX_ATTEMPTS: usize = 8;

/// The way to a service. Give it, or a clone, to a tonic client. Its connections last as long
/// as it, its clones and its peers.
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
}

struct Inner {
    table: Arc<Table>,
    scheme: Scheme,
    /// Whether a failed connection fails the calls that wait for it.
    fails_fast: bool,
    meters: Meters,
    _connecting: AbortOnDropHandle<()>,
}

impl Channel {
    /// To whatever `endpoints` lists. Must be called within a runtime.
    pub fn new(endpoints: watch::Receiver<Endpoints>) -> Channel {
        Self::dialling(endpoints, Dial::Plain, false)
    }

    /// To one endpoint (`host:port`) that is there or not: a call fails with the cause as soon
    /// as a connection does. Must be called within a runtime.
    pub fn to(addr: &str) -> Channel {
        Self::dialling_one(addr, Dial::Plain)
    }

    pub(crate) fn dialling_one(addr: &str, dial: Dial) -> Channel {
        let endpoints = Arc::new(BTreeSet::from([addr.to_owned()]));
        Self::dialling(watch::Sender::new(endpoints).subscribe(), dial, true)
    }

    pub(crate) fn dialling(
        endpoints: watch::Receiver<Endpoints>,
        dial: Dial,
        fails_fast: bool,
    ) -> Channel {
        let table = Arc::new(Table::default());
        let scheme = dial.scheme();
        let connecting = tokio::spawn(connection::keep_all(endpoints, table.clone(), dial));
        Channel {
            inner: Arc::new(Inner {
                table,
                scheme,
                fails_fast,
                meters: Meters::default(),
                _connecting: AbortOnDropHandle::new(connecting),
            }),
        }
    }

    /// The next ready endpoint in the rotation. Waits for one: put a timeout around it.
    pub async fn pick(&self) -> Peer {
        self.peer_at(self.inner.table.next().await)
    }

    /// The next ready endpoint; of a channel [to](Self::to) one endpoint, or why it is not.
    pub(crate) async fn connect(&self) -> Result<Peer, CallError> {
        tokio::select! {
            biased;
            peer = self.pick() => Ok(peer),
            cause = self.inner.table.trouble(), if self.inner.fails_fast => {
                Err(CallError::new(Failure::Unreachable, cause))
            }
        }
    }

    /// The endpoint `addr` (`host:port`), if it is registered; ready or not.
    pub fn peer(&self, addr: &str) -> Option<Peer> {
        let addr = self.inner.table.listed(addr)?;
        Some(self.peer_at(addr))
    }

    fn peer_at(&self, addr: Arc<str>) -> Peer {
        Peer::new(addr, self.inner.clone())
    }

    async fn send(
        self,
        request: Request<Body>,
        meter: &mut Meter,
    ) -> Result<Response<Body>, Status> {
        let deadline = Deadline::of(&request);
        let mut outgoing = Outgoing::new(request);
        for _ in 0..MAX_ATTEMPTS {
            let peer = self.pick_by(&deadline, outgoing.service()).await?;
            meter.goes_to(&peer.addr);
            match peer.attempt(&mut outgoing, &deadline).await {
                Err(error) if error.failure.is_unsent() && outgoing.can_be_sent() => {}
                done => return done.map_err(Status::from),
            }
        }
        let why = format!("{} refused the call again and again", outgoing.service());
        Err(CallError::new(Failure::Unreachable, why).into())
    }

    async fn pick_by(&self, deadline: &Deadline, service: &str) -> Result<Peer, CallError> {
        let late = |_| {
            let why = format!("no server of {service} is reachable");
            CallError::new(Failure::Unreachable, why)
        };
        tokio::time::timeout_at(deadline.for_a_peer(), self.connect())
            .await
            .map_err(late)?
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Waiting is part of the call, so that the call's deadline bounds it.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let (channel, mut meter) = (self.clone(), self.inner.meters.start(&mut request));
        Box::pin(async move {
            let answer = channel.send(request, &mut meter).await;
            meter.follow(answer)
        })
    }
}
