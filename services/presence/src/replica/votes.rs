//! Votes that are given and withdrawn, and what that changes for users.

use std::collections::HashMap;

use super::electorate::{UserId, Vote};
use super::linger::Linger;
use super::link::Staged;
use super::log::Log;
use super::origins::{End, Known, Slot};
use super::{Change, Now, Replica, What, digest};
use crate::ballot::{Ballot, Delta, Devices};
use crate::origin::Origin;
use crate::user::User;

/// Which vote is the cause of a change, and when it was given.
#[derive(Debug, Clone)]
struct Cause {
    origin: Origin,
    seq: u64,
    at_unix_ms: i64,
}

impl Replica {
    /// Votes for a user, or no more. Nothing, if that is the vote already, or since this replica [leaves](Self::leave).
    pub fn cast(&mut self, id: UserId, ballot: Option<Ballot>, now: Now) {
        let (Some(user), Some(me)) = (self.electorate.user(id), self.origins.get(Slot::ME)) else {
            return;
        };
        if self.is_leaving || self.own_ballot(id) == ballot {
            return;
        }
        let delta = Delta {
            user: user.clone(),
            ballot,
            at_unix_ms: now.unix_ms,
        };
        let seq = me.seq + 1;
        self.apply(Slot::ME, seq, delta);
    }

    /// How an origin votes for a user.
    pub(super) fn ballot(&self, slot: Slot, id: UserId) -> Option<Ballot> {
        let vote = self.electorate.vote(id, slot)?;
        let devices = self
            .origins
            .get(slot)
            .and_then(|known| known.devices.get(&id));
        Some(Ballot {
            grace_ms: vote.grace_ms,
            is_leaving: vote.is_leaving,
            devices: devices.cloned(),
        })
    }

    /// Applies the next vote of an origin.
    pub(super) fn apply(&mut self, slot: Slot, seq: u64, delta: Delta) {
        let Some(known) = self.origins.get_mut(slot) else {
            return;
        };
        known.seq = seq;
        known.log.push(delta.clone());
        let cause = Cause {
            origin: known.origin.clone(),
            seq,
            at_unix_ms: delta.at_unix_ms,
        };
        match delta.ballot {
            Some(ballot) => {
                let id = self.electorate.intern(&delta.user);
                self.give(slot, id, ballot, &cause);
            }
            None => {
                if let Some(id) = self.electorate.id(&delta.user) {
                    self.withdraw(slot, id, &cause);
                }
            }
        }
    }

    /// Takes over all votes of an origin. What is over is withdrawn last, so that nobody is offline in between.
    pub(super) fn merge(&mut self, slot: Slot, staged: Staged, now: Now, now_ms: u64) {
        let Some(known) = self.origins.get_mut(slot) else {
            return;
        };
        known.mark = known.mark.wrapping_add(1);
        let before = Origin {
            incarnation: std::mem::replace(&mut known.voted_in, staged.origin.incarnation),
            replica: staged.origin.replica.clone(),
        };
        let mut cause = Cause {
            origin: staged.origin,
            seq: staged.seq,
            at_unix_ms: now.unix_ms,
        };
        for (user, seq, ballot) in staged.ballots {
            let id = self.electorate.intern(&user);
            cause.seq = seq;
            self.give(slot, id, ballot, &cause);
        }
        self.sweep(slot, &before, now, now_ms);
        if let Some(known) = self.origins.get_mut(slot) {
            known.seq = staged.seq;
            known.is_known = true;
            known.log = Log::after(staged.seq);
        }
    }

    /// Withdraws what the latest pass over all votes of an origin did not touch.
    fn sweep(&mut self, slot: Slot, before: &Origin, now: Now, now_ms: u64) {
        let Some(known) = self.origins.get(slot) else {
            return;
        };
        let is_restarted = known.voted_in != before.incarnation;
        for (id, vote) in self.votes_of(slot, |vote| vote.mark != known.mark) {
            let cause = Cause {
                origin: before.clone(),
                seq: vote.seq,
                at_unix_ms: now.unix_ms,
            };
            // A vote of the same incarnation was withdrawn; one of an earlier incarnation went with that.
            if is_restarted {
                self.linger(id, &cause, vote.grace_ms, now_ms);
            }
            self.withdraw(slot, id, &cause);
        }
    }

    /// An origin has gone: all its votes with it, but for their grace, or at least so many milliseconds.
    pub(super) fn bury(&mut self, slot: Slot, grace_ms: u32, end: End, now: Now) {
        let Some(known) = self.origins.get(slot) else {
            return;
        };
        let origin = Origin {
            incarnation: known.voted_in,
            replica: known.origin.replica.clone(),
        };
        let at_unix_ms = now.unix_ms - known.silent_ms(end.at_ms) as i64;
        for (id, vote) in self.votes_of(slot, |_| true) {
            let cause = Cause {
                origin: origin.clone(),
                seq: vote.seq,
                at_unix_ms,
            };
            self.linger(id, &cause, vote.grace_ms.max(grace_ms), end.at_ms);
            self.withdraw(slot, id, &cause);
        }
        if let Some(known) = self.origins.get_mut(slot) {
            known.end = Some(end);
            known.is_known = false;
            known.source = None;
            known.log = Log::default();
        }
    }

    /// Ends the graces that are over.
    pub(super) fn end_graces(&mut self, now: Now, now_ms: u64) {
        while let Some((id, linger)) = self.lingerers.expired(now_ms) {
            self.electorate.remove(id, Slot::LINGER);
            let cause = Cause {
                origin: linger.origin,
                seq: linger.seq,
                at_unix_ms: now.unix_ms,
            };
            self.note_offline(id, &cause);
        }
    }

    /// Another replica tells of a user whose grace runs.
    pub(super) fn learn_lingering(
        &mut self,
        user: &User,
        origin: &Origin,
        seq: u64,
        remaining_ms: u32,
        now: Now,
        now_ms: u64,
    ) {
        let id = self.electorate.intern(user);
        let cause = Cause {
            origin: origin.clone(),
            seq,
            at_unix_ms: now.unix_ms,
        };
        let was_online = self.electorate.is_online(id);
        self.linger(id, &cause, remaining_ms, now_ms);
        if !was_online && self.electorate.is_online(id) {
            self.note(id, What::Online, &cause);
        }
    }

    fn votes_of(&self, slot: Slot, is_one: impl Fn(&Vote) -> bool) -> Vec<(UserId, Vote)> {
        let votes = self.electorate.voted_for(slot);
        let votes = votes.filter(|(_, _, vote)| is_one(vote));
        votes.map(|(id, _, vote)| (id, *vote)).collect()
    }

    fn give(&mut self, slot: Slot, id: UserId, ballot: Ballot, cause: &Cause) {
        let Some(known) = self.origins.get_mut(slot) else {
            return;
        };
        let was_online = self.electorate.is_online(id);
        let vote = Vote {
            seq: cause.seq,
            grace_ms: ballot.grace_ms,
            slot,
            is_leaving: ballot.is_leaving,
            mark: known.mark,
        };
        let replaced = self.electorate.set(id, vote);
        if let Some(user) = self.electorate.user(id) {
            known.count(user, replaced.map(|vote| vote.seq), Some(cause.seq));
        }
        let tells_anew = set_devices(&mut known.devices, id, ballot.devices);
        if !was_online {
            self.note(id, What::Online, cause);
        } else if tells_anew {
            self.note(id, What::Devices, cause);
        }
    }

    fn withdraw(&mut self, slot: Slot, id: UserId, cause: &Cause) {
        let (Some(known), Some(removed)) =
            (self.origins.get_mut(slot), self.electorate.remove(id, slot))
        else {
            return;
        };
        if let Some(user) = self.electorate.user(id) {
            known.count(user, Some(removed.seq), None);
        }
        let tells_anew = set_devices(&mut known.devices, id, None);
        if !self.electorate.is_online(id) {
            self.note_offline(id, cause);
        } else if tells_anew {
            self.note(id, What::Devices, cause);
        }
    }

    fn linger(&mut self, id: UserId, cause: &Cause, grace_ms: u32, now_ms: u64) {
        let linger = Linger {
            origin: cause.origin.clone(),
            seq: cause.seq,
            until_ms: now_ms + u64::from(grace_ms),
        };
        if grace_ms == 0 || !self.lingerers.put(id, linger) {
            return;
        }
        let vote = Vote {
            seq: cause.seq,
            grace_ms,
            slot: Slot::LINGER,
            is_leaving: true,
            mark: 0,
        };
        self.electorate.set(id, vote);
    }

    fn note_offline(&mut self, id: UserId, cause: &Cause) {
        if self.electorate.is_online(id) {
            return;
        }
        if let Some(user) = self.electorate.user(id) {
            self.last_seen.record(user, cause.at_unix_ms);
        }
        self.note(id, What::Offline, cause);
    }

    fn note(&mut self, id: UserId, what: What, cause: &Cause) {
        if let (What::Online, Some(user)) = (what, self.electorate.user(id)) {
            self.last_seen.forget(user);
        }
        self.changes.push(Change {
            user: id,
            what,
            origin: cause.origin.clone(),
            seq: cause.seq,
            at_unix_ms: cause.at_unix_ms,
        });
    }
}

impl Known {
    /// One of its votes for a user is replaced by another, or withdrawn.
    fn count(&mut self, user: &User, before: Option<u64>, after: Option<u64>) {
        self.users += usize::from(after.is_some());
        self.users -= usize::from(before.is_some());
        let of = |seq: Option<u64>| seq.map_or(0, |seq| digest::of(user, seq));
        self.digest ^= of(before) ^ of(after);
    }
}

/// Whether they are others than before.
fn set_devices(all: &mut HashMap<UserId, Devices>, id: UserId, devices: Option<Devices>) -> bool {
    match devices {
        Some(devices) => {
            let before = all.insert(id, devices.clone());
            before.is_none_or(|before| before != devices)
        }
        None => all.remove(&id).is_some(),
    }
}
