//! Who is online, as replicas vote: the Vote CRDT with the decider "at least one".
//!
//! In Cloudstate's form of it each replica keeps a counter for each user, adds one whenever it
//! changes its mind, and votes yes while the counter is odd; merging takes the greater counter.
//! Those counters can never be forgotten. Here a replica (an [`Origin`]) numbers *all* its
//! changes of mind in one sequence and keeps only the users whose counter is odd. As each
//! origin is written by itself alone, (incarnation, sequence) says exactly which state of it
//! one knows, merging takes the later one, and a user without votes leaves no trace. A replica
//! that starts anew is a new incarnation, and its older one is gone at once (the rule of
//! Phoenix.Tracker's `vsn`).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::user::User;

/// One life of one replica: all that votes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Names the replica among all, over restarts too.
    pub replica: Arc<str>,
    /// Grows with each start of the replica.
    pub incarnation: u64,
}

/// One change of mind of an origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// Who votes.
    pub origin: Origin,
    /// 1 for the first delta of an origin, then counting without gaps.
    pub seq: u64,
    /// Whom the vote is about.
    pub user: User,
    /// Whether the origin now votes for the user.
    pub yes: bool,
}

/// All votes of an origin, after some delta of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Who votes.
    pub origin: Origin,
    /// The last delta that is contained; 0 is the origin at its birth, without votes.
    pub seq: u64,
    /// Whom the origin votes for.
    pub users: HashSet<User>,
}

/// A user came online or went offline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Who.
    pub user: User,
    /// What they are now.
    pub online: bool,
}

/// What a delta did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// Whose value is another than before; each user at most once.
    pub changes: Vec<Change>,
    /// Earlier deltas are missing, so this one was not applied: ask for a snapshot.
    pub gap: bool,
}

/// The votes of all origins as far as they are known here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Votes {
    ballots: HashMap<Arc<str>, Ballot>,
    /// How many origins vote for a user; none is no entry.
    counts: HashMap<User, u32>,
}

/// The latest known state of one replica.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ballot {
    incarnation: u64,
    seq: u64,
    users: HashSet<User>,
}

impl Votes {
    /// Whether at least one origin votes for the user.
    #[must_use]
    pub fn online(&self, user: &User) -> bool {
        self.counts.contains_key(user)
    }

    /// The delta with which an origin votes so; none if that is its vote already. It counts once
    /// it is applied, like any other: here with [`Votes::apply`], elsewhere by sending it.
    #[must_use]
    pub fn ballot(&self, origin: &Origin, user: &User, yes: bool) -> Option<Delta> {
        let known = self.ballots.get(&origin.replica);
        let known = known.filter(|known| known.incarnation == origin.incarnation);
        let votes_yes = known.is_some_and(|known| known.users.contains(user));
        (votes_yes != yes).then(|| Delta {
            origin: origin.clone(),
            seq: known.map_or(0, |known| known.seq) + 1,
            user: user.clone(),
            yes,
        })
    }

    /// Applies a delta if it is the next one of its origin. One that is known already, or of an
    /// older incarnation, changes nothing; a newer incarnation replaces the older one even if
    /// its own first deltas are missing.
    pub fn apply(&mut self, delta: &Delta) -> Applied {
        match self.ballots.get(&delta.origin.replica) {
            Some(known) if known.incarnation > delta.origin.incarnation => Applied::default(),
            Some(known) if known.incarnation == delta.origin.incarnation => self.follow(delta),
            _ => self.begin(delta),
        }
    }

    /// Takes over a snapshot unless what is known of its replica is at least as late.
    /// Returns whose value is another than before.
    pub fn merge(&mut self, snapshot: Snapshot) -> Vec<Change> {
        let Snapshot { origin, seq, users } = snapshot;
        let later = Ballot {
            incarnation: origin.incarnation,
            seq,
            users,
        };
        let known = self.ballots.get(&origin.replica);
        if known.is_some_and(|known| known.version() >= later.version()) {
            return Vec::new();
        }
        let earlier = self.ballots.remove(&origin.replica);
        let before = earlier.map(|ballot| ballot.users).unwrap_or_default();
        let changes = self.recount(&before, &later.users);
        self.ballots.insert(origin.replica, later);
        changes
    }

    /// What is known, origin by origin: merged elsewhere it is known there too.
    pub fn snapshots(&self) -> impl Iterator<Item = Snapshot> {
        self.ballots.iter().map(|(replica, ballot)| Snapshot {
            origin: Origin {
                replica: replica.clone(),
                incarnation: ballot.incarnation,
            },
            seq: ballot.seq,
            users: ballot.users.clone(),
        })
    }

    /// A delta of the incarnation that is known.
    fn follow(&mut self, delta: &Delta) -> Applied {
        let Some(ballot) = self.ballots.get_mut(&delta.origin.replica) else {
            return self.begin(delta);
        };
        if delta.seq.checked_sub(1) != Some(ballot.seq) {
            return Applied {
                changes: Vec::new(),
                gap: delta.seq > ballot.seq,
            };
        }
        ballot.seq = delta.seq;
        let change = if delta.yes {
            ballot
                .users
                .insert(delta.user.clone())
                .then(|| self.add(&delta.user))
        } else {
            ballot
                .users
                .remove(&delta.user)
                .then(|| self.subtract(&delta.user))
        };
        Applied {
            changes: change.flatten().into_iter().collect(),
            gap: false,
        }
    }

    /// The first delta that is known of an incarnation.
    fn begin(&mut self, delta: &Delta) -> Applied {
        let first = delta.seq == 1;
        let users = (first && delta.yes).then(|| delta.user.clone());
        let born = Snapshot {
            origin: delta.origin.clone(),
            seq: u64::from(first),
            users: users.into_iter().collect(),
        };
        Applied {
            changes: self.merge(born),
            gap: !first,
        }
    }

    fn recount(&mut self, before: &HashSet<User>, after: &HashSet<User>) -> Vec<Change> {
        let gone: Vec<_> = before
            .difference(after)
            .filter_map(|user| self.subtract(user))
            .collect();
        let come = after.difference(before).filter_map(|user| self.add(user));
        gone.into_iter().chain(come).collect()
    }

    fn add(&mut self, user: &User) -> Option<Change> {
        let count = self.counts.entry(user.clone()).or_default();
        *count += 1;
        (*count == 1).then(|| Change {
            user: user.clone(),
            online: true,
        })
    }

    fn subtract(&mut self, user: &User) -> Option<Change> {
        let Entry::Occupied(mut count) = self.counts.entry(user.clone()) else {
            return None;
        };
        *count.get_mut() -= 1;
        if *count.get() > 0 {
            return None;
        }
        let (user, _) = count.remove_entry();
        Some(Change {
            user,
            online: false,
        })
    }
}

impl Ballot {
    /// Orders all states that a replica ever had.
    fn version(&self) -> (u64, u64) {
        (self.incarnation, self.seq)
    }
}

#[cfg(test)]
mod tests;
