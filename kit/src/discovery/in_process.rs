//! The registry of services that share a process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::Endpoints;

/// Endpoints by service, for as long as someone holds them.
#[derive(Debug, Clone, Default)]
pub struct InProcess {
    services: Arc<Mutex<BTreeMap<String, Held>>>,
}

#[derive(Debug, Default)]
struct Held {
    /// How many hold each address: of two the first to leave takes nothing from the other.
    holders: BTreeMap<String, usize>,
    endpoints: watch::Sender<Endpoints>,
}

impl Held {
    fn publish(&self) {
        let endpoints: BTreeSet<String> = self.holders.keys().cloned().collect();
        self.endpoints.send_replace(Arc::new(endpoints));
    }
}

impl InProcess {
    pub(super) fn watch(&self, service: &str) -> watch::Receiver<Endpoints> {
        self.with(service, |held| held.endpoints.subscribe())
    }

    /// Lists `addr` until `leave` is done, or this future is dropped.
    pub(super) async fn hold<T>(
        &self,
        service: &str,
        addr: &str,
        leave: impl Future<Output = T>,
    ) -> T {
        let _hold = Hold::new(self, service, addr);
        leave.await
    }

    fn with<T>(&self, service: &str, act: impl FnOnce(&mut Held) -> T) -> T {
        let mut services = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        act(services.entry(service.to_owned()).or_default())
    }
}

/// One registration; ends when it is dropped.
struct Hold<'a> {
    registry: &'a InProcess,
    service: &'a str,
    addr: &'a str,
}

impl<'a> Hold<'a> {
    fn new(registry: &'a InProcess, service: &'a str, addr: &'a str) -> Self {
        registry.with(service, |held| {
            *held.holders.entry(addr.to_owned()).or_default() += 1;
            held.publish();
        });
        Self {
            registry,
            service,
            addr,
        }
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        self.registry.with(self.service, |held| {
            if let Some(holders) = held.holders.get_mut(self.addr) {
                *holders -= 1;
            }
            held.holders.retain(|_, holders| *holders > 0);
            held.publish();
        });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::Shutdown;
    use crate::discovery::Registry;

    fn set(addrs: &[&str]) -> Endpoints {
        Arc::new(addrs.iter().map(|addr| (*addr).to_owned()).collect())
    }

    #[tokio::test]
    async fn an_endpoint_is_listed_while_it_serves() {
        let registry = Registry::in_process();
        let mut endpoints = registry.watch("users");
        let (serving, watched) = watch::channel(false);
        let shutdown = Shutdown::new();
        let kept = tokio::spawn({
            let (registry, shutdown) = (registry.clone(), shutdown.clone());
            async move {
                registry
                    .keep_registered("users", "a:1", watched, shutdown)
                    .await;
            }
        });

        for _ in 0..2 {
            serving.send(true).unwrap();
            endpoints
                .wait_for(|now| *now == set(&["a:1"]))
                .await
                .unwrap();
            serving.send(false).unwrap();
            endpoints.wait_for(|now| now.is_empty()).await.unwrap();
        }
        serving.send(true).unwrap();
        endpoints
            .wait_for(|now| *now == set(&["a:1"]))
            .await
            .unwrap();
        shutdown.cancel();
        kept.await.unwrap();
        assert!(endpoints.borrow().is_empty());
    }

    #[tokio::test]
    async fn one_who_leaves_takes_nothing_from_a_successor_on_the_same_address() {
        let registry = InProcess::default();
        let endpoints = registry.watch("users");
        let first = Hold::new(&registry, "users", "a:1");
        let second = Hold::new(&registry, "users", "a:1");
        drop(first);
        assert_eq!(*endpoints.borrow(), set(&["a:1"]));
        drop(second);
        assert!(endpoints.borrow().is_empty());
    }
}
