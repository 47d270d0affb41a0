//! Who serves what, and where: the way from a service's name to its endpoints.
//!
//! Membership comes from here, liveness from the connection itself (see [`crate::channel`]): a
//! registry that is out of reach takes no endpoint away.

mod etcd;
mod fixed;
mod in_process;
mod known;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::watch;

use crate::Shutdown;
use crate::tls::Tls;
pub use etcd::Etcd;
pub use fixed::{BadPeers, Peers};
pub use in_process::InProcess;

/// The endpoints of one service, each `host:port`.
pub type Endpoints = Arc<BTreeSet<String>>;

/// Where services find each other.
#[derive(Debug, Clone)]
pub enum Registry {
    /// For services that share a process.
    InProcess(InProcess),
    /// For services on any machine.
    Etcd(Etcd),
    /// Endpoints that were told at the start and never change.
    Static(Peers),
}

impl Registry {
    /// An empty registry for the services of this process.
    pub fn in_process() -> Registry {
        Registry::InProcess(InProcess::default())
    }

    /// A registry that knows `peers` and nothing else.
    pub fn fixed(peers: Peers) -> Registry {
        Registry::Static(peers)
    }

    /// A registry in etcd, at `host:port` or `http://host:port`. Does not wait for etcd: what
    /// needs it tries again until it answers.
    pub async fn etcd(endpoints: &[String]) -> Registry {
        Self::etcd_with(endpoints, &Tls::default())
    }

    /// The same; members at `https://host:port` are dialled with TLS.
    pub fn etcd_with(endpoints: &[String], tls: &Tls) -> Registry {
        Registry::Etcd(Etcd::new(endpoints, tls))
    }

    /// The endpoints of `service`, now and as they change. Must be called within a runtime.
    pub fn watch(&self, service: &str) -> watch::Receiver<Endpoints> {
        match self {
            Registry::InProcess(registry) => registry.watch(service),
            Registry::Etcd(etcd) => etcd.watch(service),
            Registry::Static(peers) => peers.watch(service),
        }
    }

    /// Waits until what [`watch`](Self::watch) began to follow has been listed once: before, that nobody is there says
    /// nothing. As long as the registry is out of reach.
    pub async fn listed(&self, endpoints: &mut watch::Receiver<Endpoints>) {
        if let Registry::Etcd(_) = self {
            // Its first word is its first listing; without a sender there will be none.
            let _never = endpoints.changed().await;
        }
    }

    /// Registers `addr` (`host:port`) for `service` while `serving` is true, again whenever the
    /// registry forgot it. Ends when `shutdown` fires, once what is still its own is
    /// deregistered. Dropped before, it leaves as a crash does: in etcd by its lease.
    pub async fn keep_registered(
        &self,
        service: &str,
        addr: &str,
        mut serving: watch::Receiver<bool>,
        shutdown: Shutdown,
    ) {
        let mut goes_on = true;
        while goes_on && until(&mut serving, true, &shutdown).await {
            let leave = until(&mut serving, false, &shutdown);
            goes_on = match self {
                Registry::InProcess(registry) => registry.hold(service, addr, leave).await,
                Registry::Etcd(etcd) => etcd.hold(service, addr, leave).await,
                Registry::Static(_) => leave.await,
            };
        }
    }

    /// The local address of the way to the registry: what to advertise where the service
    /// listens on all interfaces. Waits until it is known. None: there is no registry beyond
    /// this process.
    pub async fn local_ip(&self) -> Option<IpAddr> {
        match self {
            Registry::Etcd(etcd) => Some(etcd.local_ip().await),
            Registry::InProcess(_) | Registry::Static(_) => None,
        }
    }
}

/// Waits until `serving` is `wanted`. False: the process stops, or nobody can say so any more.
async fn until(serving: &mut watch::Receiver<bool>, wanted: bool, shutdown: &Shutdown) -> bool {
    tokio::select! {
        biased;
        () = shutdown.cancelled() => false,
        found = serving.wait_for(|now| *now == wanted) => found.is_ok(),
    }
}

/// Whether `text` is `host:port`, so that it can be dialled.
fn is_endpoint(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let port_is_one = port.parse::<u16>().is_ok_and(|port| port > 0);
    let host_is_one = text.parse::<http::uri::Authority>().is_ok() && !host.contains('@');
    !host.is_empty() && port_is_one && host_is_one
}
