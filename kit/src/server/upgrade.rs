//! Connections that leave HTTP behind: their bare socket goes to whoever accepts the upgrade.

use std::net::SocketAddr;

use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio_util::task::TaskTracker;

use super::gather::Gather;
use super::intake::Intake;
use super::preface::Preface;
use crate::tls::Accepted;
use crate::watched::Watched;

/// A socket as connections are served on it.
pub(super) type Served = TokioIo<Gather<Intake<Watched<Accepted, Preface>>>>;

/// Who sent a request; in the extensions of each that is no gRPC call.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    /// The other end of the connection: a proxy's, if there is one between.
    pub addr: SocketAddr,
}

/// The way to the socket of a request that asks for another protocol; in its extensions.
#[derive(Debug, Clone)]
pub struct Upgrade {
    on_upgrade: OnUpgrade,
    tasks: TaskTracker,
}

/// A connection that has left HTTP behind. It counts no more among the connections of the port:
/// whoever takes it has limits of their own.
#[derive(Debug)]
pub struct Upgraded {
    /// The bare socket, in the clear or within TLS.
    pub socket: Accepted,
    /// What the peer has sent already.
    pub read: Bytes,
}

impl Upgrade {
    pub(super) fn new(on_upgrade: OnUpgrade, tasks: TaskTracker) -> Self {
        Self { on_upgrade, tasks }
    }

    /// Serves the connection in a task of its own, once the request is answered with 101. A drain
    /// waits for it, up to its deadline: it has to end by itself soon after a shutdown.
    pub fn spawn<S, F>(self, serve: S)
    where
        S: FnOnce(Upgraded) -> F + Send + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let tasks = self.tasks.clone();
        self.tasks.spawn(async move {
            if let Some(upgraded) = upgraded(self.on_upgrade).await {
                // Another task: this one would keep what the wait has taken.
                tasks.spawn(serve(upgraded));
            }
        });
    }
}

/// The connection once it is upgraded; `None` if it ends before.
async fn upgraded(on_upgrade: OnUpgrade) -> Option<Upgraded> {
    let upgraded = on_upgrade.await.ok()?;
    // Always so: connections are served on nothing else.
    let parts = downcast::<Served>(upgraded).ok()?;
    let socket = parts.io.into_inner().into_inner().into_inner();
    Some(Upgraded {
        socket: socket.into_inner(),
        read: parts.read_buf,
    })
}
