//! Being in etcd for as long as one serves.

use std::convert::Infallible;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::slice;
use std::time::Duration;

use metrics::{Gauge, gauge};
use tokio::time::{MissedTickBehavior, interval};
use tonic::Status;

use super::client::Client;
use super::{Attempts, Etcd, LEASE_S, prefix};

/// A lease is renewed three times in its life, so that one lost answer does not end it.
const RENEWAL: Duration = Duration::from_secs(LEASE_S as u64 / 3);

/// The lease of one instance, and the connection it came over.
struct Lease {
    client: Client,
    id: i64,
}

impl Etcd {
    /// Is registered, again after each loss, until `leave` is done, and deregisters then.
    pub(in crate::discovery) async fn hold<T>(
        &self,
        service: &str,
        addr: &str,
        leave: impl Future<Output = T>,
    ) -> T {
        let mut lease = None;
        let registered = gauge!("discovery_registered", "service" => service.to_owned());
        let left = tokio::select! {
            left = leave => left,
            never = self.stay(service, addr, &registered, &mut lease) => match never {},
        };
        registered.set(0);
        if let Some(lease) = lease {
            lease.revoke(service, addr).await;
        }
        left
    }

    /// `current` is the lease that is to be revoked in the end. All attempts are under one id:
    /// what a timed-out one does late, it does to the lease that is being renewed.
    async fn stay(
        &self,
        service: &str,
        addr: &str,
        registered: &Gauge,
        current: &mut Option<Lease>,
    ) -> Infallible {
        let mut attempts = Attempts::new("not registered in etcd");
        let id = new_id();
        loop {
            let client = self.connect(attempts.turn);
            let lease = current.insert(Lease { client, id });
            registered.set(0);
            let kept = lease.keep(service, addr, registered, &mut attempts).await;
            let Err(error) = kept;
            attempts.failed(service, &error).await;
        }
    }
}

/// An id that no other lease has.
fn new_id() -> i64 {
    // Each RandomState hashes with other keys.
    let random = RandomState::new().build_hasher().finish();
    // Positive, and not the 0 with which etcd is asked for an id of its choice.
    i64::try_from(random >> 1).unwrap_or_default().max(1)
}

impl Lease {
    /// Puts both records under this lease, taking them over from an earlier owner, and keeps
    /// lease and records until something fails.
    async fn keep(
        &self,
        service: &str,
        addr: &str,
        registered: &Gauge,
        attempts: &mut Attempts,
    ) -> Result<Infallible, Status> {
        let records = records(service, addr);
        self.client.grant(self.id, LEASE_S).await?;
        self.client.put(&records, self.id).await?;
        tracing::info!(service, addr, "registered in etcd");
        attempts.succeeded();
        registered.set(1);
        let mut renewals = self.client.renewals(self.id).await?;
        let mut ticks = interval(RENEWAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            renewals.renew().await?;
            for record in &records {
                self.restore(record).await?;
            }
        }
    }

    /// Puts a record anew that someone deleted, or wrote without a lease. One under another
    /// lease is that of a successor on the same address: it goes with its lease, at the latest.
    async fn restore(&self, record: &(String, String)) -> Result<(), Status> {
        let (key, _) = record;
        if self.client.lease_of(key).await? == 0 {
            tracing::warn!(key, "was deregistered from etcd by someone else");
            self.client.put(slice::from_ref(record), self.id).await?;
        }
        Ok(())
    }

    /// Deletes the records by their lease, in one step, and so only those that are still its
    /// own: one that a successor on the same address wrote is under the successor's.
    async fn revoke(&self, service: &str, addr: &str) {
        match self.client.revoke(self.id).await {
            Ok(()) => tracing::info!(service, addr, "deregistered from etcd"),
            Err(error) => {
                let error = error.message();
                tracing::warn!(service, addr, error, "left to its lease in etcd");
            }
        }
    }
}

/// Both forms of the record: see the module above. An address needs no escapes in JSON.
fn records(service: &str, addr: &str) -> [(String, String); 2] {
    let update = format!(r#"{{"Op":0,"Addr":"{addr}"}}"#);
    [
        (format!("{}{addr}", prefix(service)), addr.to_owned()),
        (format!("services/{service}/{addr}"), update),
    ]
}
