//! The registry in etcd.
//!
//! An instance has one lease, and under it two records that are written in one transaction:
//! - `/services/<service>/<addr>` → `addr`, which go-kit's etcdv3 client reads (every value
//!   below its prefix as an address: nothing else may be there);
//! - `services/<service>/<addr>` → `{"Op":0,"Addr":"addr"}`, which etcd's own gRPC resolver
//!   reads.

mod client;
mod register;
mod watch;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tonic::Status;

use crate::backoff::Backoff;
use crate::status;
use crate::tls::{Dial, Tls};
use client::Client;

/// How long a record outlives its crashed owner, in seconds. etcd's shortest is 2.
const LEASE_S: u32 = 3;
/// How long to wait, about, before trying again what failed. Short, because a service is to be
/// registered anew within two seconds after etcd returned.
const RETRY: Duration = Duration::from_millis(200);

/// A cluster of etcd, by its endpoints. Each task here uses one at a time, and the next after a
/// failure.
#[derive(Debug, Clone)]
pub struct Etcd {
    endpoints: Arc<[String]>,
    tls: Tls,
}

impl Etcd {
    pub(super) fn new(endpoints: &[String], tls: &Tls) -> Self {
        let (endpoints, tls) = (endpoints.into(), tls.clone());
        Self { endpoints, tls }
    }

    /// A fresh connection, to the endpoint whose turn it is.
    fn connect(&self, turn: usize) -> Client {
        Client::new(self.endpoint(turn).unwrap_or_default(), &self.tls)
    }

    fn endpoint(&self, turn: usize) -> Option<&str> {
        let index = turn.checked_rem(self.endpoints.len())?;
        self.endpoints.get(index).map(String::as_str)
    }

    /// The local address of the way to etcd, as soon as it is known for one of the endpoints.
    pub(super) async fn local_ip(&self) -> IpAddr {
        let mut attempts = Attempts::new("no address to advertise: no way to etcd is known");
        loop {
            let endpoint = self.endpoint(attempts.turn).unwrap_or_default();
            match local_ip_towards(dialled(endpoint)).await {
                Ok(ip) => return ip,
                Err(error) => {
                    let why = format!("{endpoint}: {error}");
                    attempts.failed("etcd", &status::unavailable(why)).await;
                }
            }
        }
    }
}

/// Asks the routing table: no packet is sent, and nobody need be there.
async fn local_ip_towards(addr: &str) -> io::Result<IpAddr> {
    let mut failure = io::ErrorKind::NotFound.into();
    for remote in lookup_host(addr).await? {
        match local_ip_to(remote).await {
            Ok(ip) => return Ok(ip),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

async fn local_ip_to(remote: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match remote {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.connect(remote).await?;
    Ok(socket.local_addr()?.ip())
}

/// The `host:port` of an endpoint that may be written as a URL.
fn dialled(endpoint: &str) -> &str {
    let addr = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, addr)| addr);
    addr.trim_end_matches('/')
}

/// How to dial it.
fn dial(endpoint: &str, tls: &Tls) -> Dial {
    match endpoint.starts_with("https://") {
        true => tls.address_with_tls(),
        false => Dial::Plain,
    }
}

/// The prefix of the records that are addresses and nothing else.
fn prefix(service: &str) -> String {
    format!("/services/{service}/")
}

/// Attempts at something that is to go on for ever, each at the next endpoint. An outage is
/// told once, however many attempts fail in it.
struct Attempts {
    consequence: &'static str,
    turn: usize,
    is_told: bool,
}

impl Attempts {
    /// `consequence`: what an outage means, for the log.
    fn new(consequence: &'static str) -> Self {
        Self {
            consequence,
            turn: 0,
            is_told: false,
        }
    }

    fn succeeded(&mut self) {
        self.is_told = false;
    }

    /// Tells of the failure and waits before the next attempt.
    async fn failed(&mut self, service: &str, error: &Status) {
        if !std::mem::replace(&mut self.is_told, true) {
            tracing::warn!(service, error = error.message(), "{}", self.consequence);
        }
        self.turn = self.turn.wrapping_add(1);
        tokio::time::sleep(Backoff::new(RETRY, RETRY).delay()).await;
    }
}
