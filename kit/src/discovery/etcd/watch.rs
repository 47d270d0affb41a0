//! Knowing who is in etcd.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use metrics::gauge;
use muster_proto::etcd::event::EventType;
use muster_proto::etcd::{Event, KeyValue};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tonic::Status;

use super::{Attempts, Etcd, LEASE_S, prefix};
use crate::discovery::known::Known;
use crate::discovery::{Endpoints, is_endpoint};

/// How long an endpoint is kept that etcd came back without: its owner has registered again by
/// then, or is dead.
const GRACE: Duration = Duration::from_secs(LEASE_S as u64 + 2);

impl Etcd {
    /// The endpoints of `service`, from a task that ends with the last receiver.
    pub(in crate::discovery) fn watch(&self, service: &str) -> watch::Receiver<Endpoints> {
        let (endpoints, receiver) = watch::channel(Endpoints::default());
        let (etcd, service) = (self.clone(), service.to_owned());
        tokio::spawn(async move {
            tokio::select! {
                () = endpoints.closed() => {}
                never = etcd.follow(&service, &endpoints) => match never {},
            }
        });
        receiver
    }

    /// While etcd is away, what was known last stands.
    async fn follow(&self, service: &str, endpoints: &watch::Sender<Endpoints>) -> Infallible {
        let mut known = Known::new(GRACE);
        gauge!("discovery_endpoints", "peer" => service.to_owned()).set(0);
        let mut attempts = Attempts::new("endpoints are not watched in etcd");
        loop {
            let followed = self.follow_once(service, &mut known, endpoints, &mut attempts);
            let Err(error) = followed.await;
            attempts.failed(service, &error).await;
        }
    }

    /// Lists, then watches from the revision after, until something fails. Each return starts
    /// with a listing: an old revision means nothing to an etcd that was compacted in the
    /// meantime, or came back without its data.
    async fn follow_once(
        &self,
        service: &str,
        known: &mut Known,
        endpoints: &watch::Sender<Endpoints>,
        attempts: &mut Attempts,
    ) -> Result<Infallible, Status> {
        let prefix = prefix(service);
        let client = self.connect(attempts.turn);
        let (listed, revision) = client.list(&prefix).await?;
        let mut events = client.watch(&prefix, revision + 1).await?;
        known.list(addresses(listed), Instant::now());
        attempts.succeeded();
        // Also where it is what was known: somebody may wait for the first listing.
        endpoints.send_replace(known.endpoints());
        loop {
            publish(service, endpoints, known);
            tokio::select! {
                happened = events.next() => {
                    happened?.into_iter().for_each(|event| apply(known, event));
                }
                () = until(known.next_expiry()) => known.expire(Instant::now()),
            }
        }
    }
}

fn addresses(listed: Vec<KeyValue>) -> BTreeMap<Vec<u8>, String> {
    let of = |kv: KeyValue| address(kv.value).map(|addr| (kv.key, addr));
    listed.into_iter().filter_map(of).collect()
}

fn apply(known: &mut Known, event: Event) {
    let happened = event.r#type();
    let kv = event.kv.unwrap_or_default();
    match (happened, address(kv.value)) {
        (EventType::Put, Some(addr)) => known.put(&kv.key, addr),
        (EventType::Put, None) | (EventType::Delete, _) => known.remove(&kv.key),
    }
}

/// The address in a record. None for what cannot be dialled: anyone may write below the prefix.
fn address(value: Vec<u8>) -> Option<String> {
    String::from_utf8(value)
        .ok()
        .filter(|addr| is_endpoint(addr))
}

fn publish(service: &str, endpoints: &watch::Sender<Endpoints>, known: &Known) {
    let now = known.endpoints();
    gauge!("discovery_endpoints", "peer" => service.to_owned()).set(now.len() as f64);
    endpoints.send_if_modified(|last| {
        let is_new = *last != now;
        *last = now;
        is_new
    });
}

async fn until(expiry: Option<Instant>) {
    match expiry {
        Some(expiry) => sleep_until(expiry).await,
        None => std::future::pending().await,
    }
}
