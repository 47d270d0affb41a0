//! Being in etcd for as long as one serves.

use std::convert::Infallible;
use std::time::Duration;

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
        let left = tokio::select! {
            left = leave => left,
            never = self.stay(service, addr, &mut lease) => match never {},
        };
        if let Some(lease) = lease {
            lease.revoke(service, addr).await;
        }
        left
    }

    /// `current` is the lease that is to be revoked in the end.
    async fn stay(&self, service: &str, addr: &str, current: &mut Option<Lease>) -> Infallible {
        let mut attempts = Attempts::new("not registered in etcd");
        loop {
            let kept = match self.lease(attempts.turn).await {
                Ok(lease) => {
                    current
                        .insert(lease)
                        .keep(service, addr, &mut attempts)
                        .await
                }
                Err(error) => Err(error),
            };
            let Err(error) = kept;
            attempts.failed(service, &error).await;
        }
    }

    async fn lease(&self, turn: usize) -> Result<Lease, Status> {
        let client = self.connect(turn);
        let id = client.grant(LEASE_S).await?;
        Ok(Lease { client, id })
    }
}

impl Lease {
    /// Puts both records under this lease, taking them over from an earlier one, and renews it
    /// until that fails.
    async fn keep(
        &self,
        service: &str,
        addr: &str,
        attempts: &mut Attempts,
    ) -> Result<Infallible, Status> {
        self.client.put(&records(service, addr), self.id).await?;
        tracing::info!(service, addr, "registered in etcd");
        attempts.succeeded();
        let mut renewals = self.client.renewals(self.id).await?;
        let mut ticks = interval(RENEWAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            renewals.renew().await?;
        }
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
