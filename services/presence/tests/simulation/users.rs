//! Users who come and go.

use std::sync::Arc;

use muster_presence::ballot::{Ballot, Device};

use crate::node::Vote;
use crate::world::{Event, World, note};

/// The longest grace that any of them has.
pub(crate) const GRACE_MS_MAX: u64 = 1_500;

/// What a device may tell here, so that a message has room for that of one.
const BULKY_BYTES: usize = 260_000;

impl World {
    pub(crate) fn connect_somewhere(&mut self, u: usize) {
        let serving: Vec<usize> = (0..self.nodes.len())
            .filter(|n| self.nodes[*n].serves())
            .collect();
        if !serving.is_empty() {
            let n = *self.dice.one_of(&serving);
            self.connect(n, u);
        }
    }

    pub(crate) fn connect(&mut self, n: usize, u: usize) {
        let ballot = self.some_ballot();
        note!(self, "u{u} connects to {}: {ballot:?}", self.nodes[n].name);
        let known = self.nodes[n].votes.get(&u);
        let since_ms = known.map_or(self.now_ms, |known| known.since_ms);
        self.vote(n, u, since_ms, ballot);
    }

    fn some_ballot(&mut self) -> Ballot {
        let size_bytes = if self.profile.is_bulky {
            BULKY_BYTES
        } else {
            0
        };
        let device = || Device {
            device: "phone".to_owned(),
            status: "x".repeat(size_bytes),
            ..Device::default()
        };
        Ballot {
            grace_ms: *self.dice.one_of(&[0, 0, 0, 300, GRACE_MS_MAX as u32]),
            is_leaving: false,
            devices: self.dice.once_in(2).then(|| Arc::from([device()])),
        }
    }

    /// A user has no connection any more; their grace begins, if they have one.
    pub(crate) fn disconnect(&mut self, n: usize, u: usize) {
        let Some(vote) = self.nodes[n].votes.get(&u).cloned() else {
            return;
        };
        if vote.ballot.is_leaving {
            return;
        }
        note!(self, "u{u} disconnects from {}", self.nodes[n].name);
        let grace_ms = vote.ballot.grace_ms;
        if grace_ms == 0 {
            return self.withdraw(n, u);
        }
        let ballot = Ballot {
            grace_ms,
            is_leaving: true,
            devices: None,
        };
        let number = self.vote(n, u, vote.since_ms, ballot);
        let life = self.nodes[n].life;
        self.after(grace_ms.into(), Event::Withdraw(n, life, u, number));
    }

    pub(crate) fn grace_ends(&mut self, n: usize, life: u32, u: usize, number: u64) {
        let node = &self.nodes[n];
        if node.life != life || !node.runs() || node.left_ms.is_some() {
            return;
        }
        if node.is_paused {
            return self.after(20, Event::Withdraw(n, life, u, number));
        }
        if node.votes.get(&u).is_some_and(|vote| vote.number == number) {
            note!(self, "the grace of u{u} ends on {}", self.nodes[n].name);
            self.withdraw(n, u);
        }
    }

    /// Sets a vote: its number.
    fn vote(&mut self, n: usize, u: usize, since_ms: u64, ballot: Ballot) -> u64 {
        self.votes_count += 1;
        let vote = Vote {
            since_ms,
            cast_ms: self.now_ms,
            ballot: ballot.clone(),
            number: self.votes_count,
        };
        self.nodes[n].votes.insert(u, vote);
        let user = self.users[u].clone();
        self.with(n, |replica, now| {
            let id = replica.intern(&user);
            replica.cast(id, Some(ballot), now);
        });
        self.votes_count
    }

    fn withdraw(&mut self, n: usize, u: usize) {
        self.nodes[n].votes.remove(&u);
        self.end_vote(n, u, self.now_ms);
        self.nodes.iter_mut().for_each(|node| {
            node.kept.remove(&(n, u));
        });
        let user = self.users[u].clone();
        self.with(n, |replica, now| {
            let id = replica.id(&user).expect("there is a vote");
            replica.cast(id, None, now);
        });
    }
}
