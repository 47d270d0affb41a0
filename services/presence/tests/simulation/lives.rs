//! Starts, ends and pauses of nodes.

use crate::link::State;
use crate::node::Vote;
use crate::world::{Event, World, note};
use muster_presence::replica::{HANDOVER_MS, TICK_MS};

/// How far a wall clock may step back.
const STEP_MS: usize = 100_000;
/// Within which everybody who can hear it has been told that a node leaves.
const LEAVE_TOLD_MS: u64 = 400;

/// For how long a node that was stopped must not take its own absence for that of others.
const RESUMED_MS: u64 = 400;

impl World {
    /// Starts a node for the first time, or again, with another clock.
    pub(crate) fn start(&mut self, n: usize) {
        let now_ms = self.now_ms;
        let skew_ms = match self.dice.once_in(3) {
            true => -(self.some_ms(STEP_MS).cast_signed()),
            false => 0,
        };
        self.nodes[n].start(now_ms, skew_ms);
        let life = self.nodes[n].life;
        note!(
            self,
            "{} starts, its clock at {skew_ms} ms",
            self.nodes[n].name
        );
        self.tell_old_ends(n);
        self.book.unsettle(n, now_ms);
        for u in (0..self.users.len()).step_by(2) {
            let user = self.users[u].clone();
            self.with(n, |replica, _| replica.intern(&user));
        }
        let phase_ms = self.some_ms(TICK_MS as usize) + 1;
        self.after(phase_ms, Event::Tick(n, life));
        self.after(phase_ms, Event::Dial(n, life));
        self.listed(n, life);
        self.nodes[n].born_with = self.nodes[n].listed.clone();
        self.register_soon(n, 100);
    }

    /// Its kernel knows nothing of the links of its earlier lives, and says so.
    fn tell_old_ends(&mut self, n: usize) {
        for link in 0..self.links.len() {
            for side in 0..2 {
                let end = &self.links[link].sides[side];
                if end.node == n && end.life < self.nodes[n].life {
                    self.tell_end(link, side);
                }
            }
        }
    }

    pub(crate) fn tick(&mut self, n: usize, life: u32) {
        let node = &self.nodes[n];
        if node.life != life || !node.runs() {
            return;
        }
        if node.is_paused {
            return self.after(TICK_MS, Event::Tick(n, life));
        }
        self.with(n, |replica, now| replica.tick(now));
        self.after(TICK_MS, Event::Tick(n, life));
    }

    /// A process ends, and its kernel closes its links; or the whole machine does, and nothing tells anybody.
    pub(crate) fn kill(&mut self, n: usize, is_told: bool) {
        let how = if is_told { "is killed" } else { "loses power" };
        note!(self, "{} {how}", self.nodes[n].name);
        self.owe_graces(n);
        self.end(n, is_told);
        self.deregister(n, false);
        self.forgive_all(n);
        if !is_told {
            self.book.disturbed_ms = Some(self.now_ms);
        }
    }

    fn end(&mut self, n: usize, is_told: bool) {
        for (u, Vote { ballot, .. }) in std::mem::take(&mut self.nodes[n].votes) {
            let grace_ms = u64::from(ballot.grace_ms);
            self.end_vote(n, u, self.now_ms + grace_ms);
            if let Some(left_ms) = self.nodes[n].left_ms {
                self.end_vote(n, u, left_ms + grace_ms.max(HANDOVER_MS.into()));
            }
        }
        self.look_at_incarnations();
        self.nodes[n].replica = None;
        self.nodes[n].is_paused = false;
        self.nodes[n].left_ms = None;
        self.book.unsettle(n, self.now_ms);
        for link in 0..self.links.len() {
            for side in 0..2 {
                if self.links[link].sides[side].node == n
                    && self.links[link].sides[side].life == self.nodes[n].life
                {
                    self.cut_off(link, side, is_told);
                }
            }
        }
    }

    /// A process leaves a link behind: some of what it said is still on its way.
    fn cut_off(&mut self, link: usize, side: usize, is_told: bool) {
        let sent = &mut self.links[link].sides[side].sent;
        let kept = self.dice.within(0..sent.len() + 1);
        sent.truncate(kept);
        self.links[link].sides[side].state = State::Closed;
        self.links[link].sides[1 - side].sent.clear();
        if is_told {
            self.tell_end(link, side);
        }
    }

    pub(crate) fn pause(&mut self, n: usize) {
        note!(self, "{} is stopped", self.nodes[n].name);
        self.nodes[n].kept = self.seen_by(n);
        self.nodes[n].is_paused = true;
        self.disturb(n);
    }

    pub(crate) fn resume(&mut self, n: usize) {
        note!(self, "{} goes on", self.nodes[n].name);
        self.nodes[n].is_paused = false;
        self.disturb(n);
        // Timers fire before anything is read, or after.
        if self.dice.once_in(2) {
            self.with(n, |replica, now| replica.tick(now));
        }
        let until_ms = self.now_ms + RESUMED_MS;
        self.nodes[n]
            .kept
            .values_mut()
            .for_each(|known_ms| *known_ms = until_ms);
        for link in 0..self.links.len() {
            if self.links[link].sides.iter().any(|side| side.node == n) {
                self.release(link);
            }
        }
        self.pump_soon(n);
        self.after(1, Event::Listed(n, self.nodes[n].life));
        self.register_soon(n, 1_000);
    }

    fn disturb(&mut self, n: usize) {
        self.forgive_all(n);
        self.book.disturbed_ms = Some(self.now_ms);
        self.book.unsettle(n, self.now_ms);
    }

    /// A node drains: it says that it leaves, its users go elsewhere, and it stops.
    pub(crate) fn leave(&mut self, n: usize) {
        note!(self, "{} leaves", self.nodes[n].name);
        self.forgive_all(n);
        self.with(n, |replica, now| replica.leave(now));
        let life = self.nodes[n].life;
        self.nodes[n].left_ms = Some(self.now_ms);
        self.deregister(n, true);
        self.after(LEAVE_TOLD_MS, Event::LeaveTold(n, life));
        let stop_ms = 600 + self.some_ms(6_000);
        self.after(stop_ms, Event::Stopped(n, life));
        let users: Vec<usize> = self.nodes[n].votes.keys().copied().collect();
        for u in users {
            if !self.dice.once_in(3) {
                let moved_ms = self.some_ms(4_000);
                self.after(moved_ms, Event::Moved(u));
            }
        }
    }

    pub(crate) fn stopped(&mut self, n: usize, life: u32) {
        let node = &self.nodes[n];
        if node.life == life && node.runs() && node.left_ms.is_some() {
            note!(self, "{} stops", self.nodes[n].name);
            self.end(n, true);
        }
    }
}
