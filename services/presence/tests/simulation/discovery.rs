//! What replicas hear of each other from etcd, which may be away, or come back empty.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::world::{Event, World, note};

/// How long a registration outlives who made it.
const LEASE_MS: u64 = 3_000;
/// Within which everybody registers anew.
const RETURN_MS: usize = 2_000;

#[derive(Debug, Default)]
pub(crate) struct Discovery {
    pub(crate) is_away: bool,
    /// Which life of which node registered last.
    members: BTreeSet<(usize, u32)>,
}

impl World {
    pub(crate) fn register_soon(&mut self, n: usize, limit_ms: usize) {
        let delay_ms = self.some_ms(limit_ms);
        self.after(delay_ms, Event::Registered(n, self.nodes[n].life));
    }

    pub(crate) fn registered(&mut self, n: usize, life: u32) {
        let node = &self.nodes[n];
        if node.life != life || !node.serves() || self.discovery.is_away {
            return;
        }
        self.discovery.members.retain(|(other, _)| *other != n);
        self.discovery.members.insert((n, life));
        self.list_soon();
    }

    /// A node has stopped, and said so or not.
    pub(crate) fn deregister(&mut self, n: usize, is_told: bool) {
        let lease_ms = if is_told { 1 } else { LEASE_MS };
        self.after(lease_ms, Event::Expired(n, self.nodes[n].life));
    }

    pub(crate) fn expired(&mut self, n: usize, life: u32) {
        if !self.discovery.is_away && self.discovery.members.remove(&(n, life)) {
            self.list_soon();
        }
    }

    fn list_soon(&mut self) {
        for n in 0..self.nodes.len() {
            let delay_ms = self.some_ms(50);
            self.after(delay_ms, Event::Listed(n, self.nodes[n].life));
        }
    }

    pub(crate) fn listed(&mut self, n: usize, life: u32) {
        let node = &self.nodes[n];
        if node.life != life || !node.is_awake() || self.discovery.is_away {
            return;
        }
        let members = self.discovery.members.iter();
        let names: BTreeSet<Arc<str>> = members.map(|(n, _)| self.nodes[*n].name.clone()).collect();
        note!(self, "{} is told of {names:?}", self.nodes[n].name);
        self.nodes[n].listed = names.clone();
        self.with(n, |replica, _| replica.list(names));
    }

    pub(crate) fn lose_etcd(&mut self) {
        note!(self, "etcd is away");
        self.discovery.is_away = true;
    }

    pub(crate) fn restore_etcd(&mut self) {
        note!(self, "etcd is back");
        self.discovery.is_away = false;
        let nodes = &self.nodes;
        let lives = |(n, life): &(usize, u32)| nodes[*n].life == *life && nodes[*n].runs();
        self.discovery.members.retain(lives);
        self.register_all(RETURN_MS);
    }

    /// etcd starts again with nothing in it.
    pub(crate) fn empty_etcd(&mut self) {
        note!(self, "etcd is back, empty");
        self.discovery.is_away = false;
        self.discovery.members.clear();
        self.list_soon();
        self.register_all(RETURN_MS);
    }

    fn register_all(&mut self, limit_ms: usize) {
        for n in 0..self.nodes.len() {
            self.register_soon(n, limit_ms);
        }
    }
}
