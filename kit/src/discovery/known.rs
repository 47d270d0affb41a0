//! What a watcher of an unreliable registry holds for true.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Endpoints;

/// Endpoints by key. One that a new listing lacks is kept for a while: a registry that came
/// back without its data says nothing about who still answers, and each owner registers again.
#[derive(Debug)]
pub(super) struct Known {
    grace: Duration,
    listed: BTreeMap<Vec<u8>, String>,
    missing: BTreeMap<Vec<u8>, Missing>,
}

#[derive(Debug)]
struct Missing {
    addr: String,
    until: Instant,
}

impl Known {
    /// Nothing yet. `grace`: how long an endpoint that a listing lacks is kept.
    pub(super) fn new(grace: Duration) -> Self {
        Self {
            grace,
            listed: BTreeMap::new(),
            missing: BTreeMap::new(),
        }
    }

    /// The registry lists these and no others.
    pub(super) fn list(&mut self, listed: BTreeMap<Vec<u8>, String>, now: Instant) {
        let until = now + self.grace;
        for missing in self.missing.values_mut() {
            // The registry was away in between, and the owner could not have come back.
            missing.until = until;
        }
        for (key, addr) in std::mem::replace(&mut self.listed, listed) {
            self.missing.insert(key, Missing { addr, until });
        }
        self.missing.retain(|key, _| !self.listed.contains_key(key));
    }

    /// An endpoint registered.
    pub(super) fn put(&mut self, key: &[u8], addr: String) {
        self.missing.remove(key);
        self.listed.insert(key.to_vec(), addr);
    }

    /// An endpoint left, or its lease ran out.
    pub(super) fn remove(&mut self, key: &[u8]) {
        self.missing.remove(key);
        self.listed.remove(key);
    }

    /// Lets go of what is missing for too long.
    pub(super) fn expire(&mut self, now: Instant) {
        self.missing.retain(|_, missing| missing.until > now);
    }

    /// When there is something to let go of next.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.missing.values().map(|missing| missing.until).min()
    }

    /// All endpoints that are held for true.
    pub(super) fn endpoints(&self) -> Endpoints {
        let missing = self.missing.values().map(|missing| &missing.addr);
        let all: BTreeSet<String> = self.listed.values().chain(missing).cloned().collect();
        Arc::new(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(5);

    fn listing(addrs: &[&str]) -> BTreeMap<Vec<u8>, String> {
        let entry = |addr: &&str| (addr.as_bytes().to_vec(), (*addr).to_owned());
        addrs.iter().map(entry).collect()
    }

    fn addrs(known: &Known) -> Vec<String> {
        known.endpoints().iter().cloned().collect()
    }

    #[test]
    fn an_endpoint_that_a_listing_lacks_is_kept_for_the_grace() {
        let mut known = Known::new(GRACE);
        let start = Instant::now();
        known.list(listing(&["a:1", "b:2"]), start);
        known.list(listing(&["b:2"]), start);
        known.expire(start + GRACE - Duration::from_millis(1));
        assert_eq!(addrs(&known), ["a:1", "b:2"]);
        known.expire(start + GRACE);
        assert_eq!(addrs(&known), ["b:2"]);
        assert_eq!(known.next_expiry(), None);
    }

    #[test]
    fn an_endpoint_that_registers_again_within_the_grace_stays() {
        let mut known = Known::new(GRACE);
        let start = Instant::now();
        known.list(listing(&["a:1"]), start);
        known.list(listing(&[]), start);
        known.put(b"a:1", "a:1".to_owned());
        known.expire(start + GRACE * 2);
        assert_eq!(addrs(&known), ["a:1"]);
    }

    #[test]
    fn the_grace_starts_anew_when_the_registry_was_away_again() {
        let mut known = Known::new(GRACE);
        let start = Instant::now();
        known.list(listing(&["a:1"]), start);
        known.list(listing(&[]), start);
        known.list(listing(&[]), start + GRACE - Duration::from_millis(1));
        known.expire(start + GRACE);
        assert_eq!(addrs(&known), ["a:1"]);
    }

    #[test]
    fn one_that_leaves_is_gone_at_once() {
        let mut known = Known::new(GRACE);
        known.list(listing(&["a:1", "b:2"]), Instant::now());
        known.remove(b"a:1");
        assert_eq!(addrs(&known), ["b:2"]);
    }
}
