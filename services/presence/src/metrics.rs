//! What the cluster looks like from here, for `/metrics`.

use std::collections::BTreeMap;

use metrics::{gauge, histogram};
use muster_kit::clock::now_ns;
use muster_kit::metrics::Metric;

use crate::ballot::Delta;
use crate::message::Life;
use crate::replica::Peer;

/// What it tells beside what every process does.
pub const METRICS: &[Metric] = &[
    Metric::gauge("presence_users_online", "Users for whom some replica votes"),
    Metric::gauge("presence_own_votes", "Users for whom this replica votes"),
    Metric::gauge("presence_monitors", "Streams that monitor users"),
    Metric::gauge(
        "presence_sessions",
        "Sessions of gateways and other clients",
    ),
    Metric::gauge(
        "presence_watched_users",
        "Users who are watched in sessions",
    ),
    Metric::gauge(
        "presence_replicas",
        "Other replicas that this one knows, by what it takes them for",
    )
    .by(&["state"]),
    Metric::gauge(
        "presence_votes_behind",
        "Votes of other replicas that are known to be missing here",
    ),
    Metric::histogram(
        "presence_delta_age_duration_seconds",
        "How old votes are when they come from another replica, by the clocks of both",
    ),
    Metric::histogram(
        "presence_convergence_duration_seconds",
        "For how long votes of another replica were missing here",
    ),
];

/// Records how old a vote is when it comes here, by the clocks of both ends: the latest of many that came together.
pub(crate) fn record_age(deltas: &[Delta]) {
    if let Some(latest) = deltas.last() {
        let age_ms = now_ns() / 1_000_000 - latest.at_unix_ms;
        histogram!("presence_delta_age_duration_seconds").record(age_ms.max(0) as f64 / 1e3);
    }
}

/// Tells how many replicas are in which state, and how many votes are missing here.
pub(crate) fn tell(replicas: &[Peer]) {
    for (life, name) in LIVES {
        let count = replicas.iter().filter(|peer| peer.life == life).count();
        gauge!("presence_replicas", "state" => name).set(count as f64);
    }
    let behind: u64 = replicas.iter().map(|peer| peer.behind).sum();
    gauge!("presence_votes_behind").set(behind as f64);
}

/// How long it takes until this replica knows what those around it know.
#[derive(Debug, Default)]
pub(crate) struct Convergence {
    /// Since how many ticks each replica's votes have been missing here.
    behind: BTreeMap<String, u64>,
}

impl Convergence {
    /// To be called with each tick.
    pub(crate) fn record(&mut self, replicas: &[Peer]) {
        replicas.iter().for_each(|peer| self.follow(peer));
        let is_there = |replica: &str| replicas.iter().any(|peer| *peer.origin.replica == *replica);
        self.behind.retain(|replica, _| is_there(replica));
    }

    /// Records how long the votes of a replica were missing, once they no longer are.
    fn follow(&mut self, peer: &Peer) {
        let replica = &*peer.origin.replica;
        if peer.behind > 0 {
            *self.behind.entry(replica.to_owned()).or_default() += 1;
        } else if let Some(ticks) = self.behind.remove(replica) {
            let tick_s = crate::replica::TICK_MS as f64 / 1e3;
            histogram!("presence_convergence_duration_seconds").record(ticks as f64 * tick_s);
        }
    }
}

const LIVES: [(Life, &str); 4] = [
    (Life::Up, "up"),
    (Life::Suspect, "suspect"),
    (Life::Down, "down"),
    (Life::Left, "left"),
];
