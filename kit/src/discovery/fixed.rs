//! Peers that are told at the start: `notificator=host:port,…`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::watch;

use super::Endpoints;

/// Endpoints by service. Its text is a comma-separated list of `service=host:port`; a service
/// may come more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peers(BTreeMap<String, BTreeSet<String>>);

/// A list of peers that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected service=host:port, found {0:?}")]
pub struct BadPeers(String);

impl Peers {
    /// Adds one endpoint (`host:port`) of a service.
    #[must_use]
    pub fn with(mut self, service: impl Into<String>, addr: impl Into<String>) -> Self {
        self.0
            .entry(service.into())
            .or_default()
            .insert(addr.into());
        self
    }

    pub(super) fn watch(&self, service: &str) -> watch::Receiver<Endpoints> {
        let endpoints = self.0.get(service).cloned().unwrap_or_default();
        watch::Sender::new(Arc::new(endpoints)).subscribe()
    }
}

impl FromStr for Peers {
    type Err = BadPeers;

    fn from_str(text: &str) -> Result<Self, BadPeers> {
        let peers = text
            .split(',')
            .map(str::trim)
            .filter(|peer| !peer.is_empty());
        peers.into_iter().try_fold(Peers::default(), |peers, peer| {
            let (service, addr) = split(peer).ok_or_else(|| BadPeers(peer.to_owned()))?;
            Ok(peers.with(service, addr))
        })
    }
}

fn split(peer: &str) -> Option<(&str, &str)> {
    let (service, addr) = peer.split_once('=')?;
    let (service, addr) = (service.trim(), addr.trim());
    (!service.is_empty() && super::is_endpoint(addr)).then_some((service, addr))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_read_by_service() {
        let peers: Peers = "notificator=a:1, notificator=[::1]:2,users=b:3"
            .parse()
            .unwrap();
        let of = |service| peers.watch(service).borrow().len();
        assert_eq!((of("notificator"), of("users"), of("tasks")), (2, 1, 0));
    }

    #[test]
    fn what_is_no_peer_is_named() {
        for bad in [
            "notificator",
            "=a:1",
            "users=a",
            "users=a:1,x=:2",
            "users=a:99999",
        ] {
            let error = bad.parse::<Peers>().unwrap_err().to_string();
            assert!(error.contains("expected service=host:port"), "{error}");
        }
    }
}
