//! Replicas that talk without a network: what one says, the other one hears at once.

#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeSet;

use muster_presence::ballot::Ballot;
use muster_presence::message::Message;
use muster_presence::origin::Origin;
use muster_presence::replica::{LinkId, Now, Replica, TICK_MS, Vote};
use muster_presence::user::User;

/// What wall clocks show at the beginning.
const EPOCH_MS: i64 = 1_800_000_000_000;

/// Replicas of which each is linked with each.
pub(crate) struct Exchange {
    replicas: Vec<Option<Replica>>,
    links: Vec<[(usize, LinkId); 2]>,
    now_ms: u64,
    /// Everything that was said but reports, which come all the time.
    pub(crate) said: Vec<Message>,
}

impl Exchange {
    /// So many replicas that know each other.
    pub(crate) fn of(count: usize) -> Exchange {
        let mut exchange = Exchange {
            replicas: Vec::new(),
            links: Vec::new(),
            now_ms: 1,
            said: Vec::new(),
        };
        (0..count).for_each(|_| exchange.join());
        exchange
    }

    /// One more replica.
    pub(crate) fn join(&mut self) {
        self.replicas.push(None);
        self.start(self.replicas.len() - 1);
    }

    /// Starts a replica, in an incarnation that is later than any before.
    pub(crate) fn start(&mut self, n: usize) {
        let replica = Replica::new(Origin {
            replica: format!("replica-{n}").into(),
            incarnation: self.now_ms,
        });
        self.replicas[n] = Some(replica);
        let members: BTreeSet<_> = self.running().map(name).collect();
        self.replica(n).list(members);
        let others: Vec<usize> = self.running().filter(|other| *other != n).collect();
        others.into_iter().for_each(|other| self.link(n, other));
        self.pass(1_000);
    }

    /// Ends a replica with its links, and waits until that is known.
    pub(crate) fn kill(&mut self, n: usize) {
        self.replicas[n] = None;
        let now = self.now();
        let (ended, kept) = std::mem::take(&mut self.links)
            .into_iter()
            .partition::<Vec<_>, _>(|ends| ends.iter().any(|(end, _)| *end == n));
        self.links = kept;
        for (other, link) in ended.into_iter().flatten().filter(|(end, _)| *end != n) {
            self.replica(other).close_link(link, now);
        }
        self.pass(1_000);
    }

    /// Links two replicas.
    fn link(&mut self, one: usize, other: usize) {
        let now = self.now();
        let ends = [one, other].map(|n| (n, self.replica(n).open_link(now)));
        self.links.push(ends);
    }

    pub(crate) fn replica(&mut self, n: usize) -> &mut Replica {
        self.replicas[n].as_mut().expect("it runs")
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            ms: self.now_ms,
            unix_ms: EPOCH_MS + self.now_ms.cast_signed(),
        }
    }

    fn running(&self) -> impl Iterator<Item = usize> {
        (0..self.replicas.len()).filter(|n| self.replicas[*n].is_some())
    }

    /// A replica votes for a user, or not; everybody hears of it.
    pub(crate) fn vote(&mut self, n: usize, user: &User, yes: bool) {
        let now = self.now();
        let replica = self.replica(n);
        let id = replica.intern(user);
        replica.cast(id, yes.then(Ballot::default), now);
        self.talk();
    }

    /// How a replica sees the votes for a user: its own, how many there are, and of how many voters.
    pub(crate) fn seen(&mut self, n: usize, user: &User) -> (bool, u32, u32) {
        let Vote {
            self_vote,
            votes_for,
            total_voters,
        } = self.replica(n).vote(user);
        (self_vote, votes_for, total_voters)
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, time_ms: u64) {
        for _ in 0..time_ms / TICK_MS {
            self.now_ms += TICK_MS;
            let now = self.now();
            self.replicas
                .iter_mut()
                .flatten()
                .for_each(|replica| replica.tick(now));
            self.talk();
        }
    }

    /// Lets everybody say what they have to say.
    pub(crate) fn talk(&mut self) {
        while self
            .links
            .clone()
            .into_iter()
            .any(|ends| self.talk_over(ends))
        {}
    }

    fn talk_over(&mut self, ends: [(usize, LinkId); 2]) -> bool {
        let now = self.now();
        let mut has_said = false;
        for ((from, speaks), (to, hears)) in [(ends[0], ends[1]), (ends[1], ends[0])] {
            while let Some(message) = self.replica(from).next_message(speaks, now) {
                has_said = true;
                if !matches!(message, Message::Report(_)) {
                    self.said.push(message.clone());
                }
                self.replica(to).receive(hears, message, now).unwrap();
            }
        }
        has_said
    }
}

fn name(n: usize) -> std::sync::Arc<str> {
    format!("replica-{n}").into()
}

pub(crate) fn user(name: &str) -> User {
    User::parse(name).unwrap()
}
