//! What must hold at any time, whatever goes wrong.
//!
//! - A node that serves never takes a user for offline who is connected to it; or who has been connected for 2 s to a
//!   node that it can hear: over at most two others between them, where each neighbours have had a link in use for 2 s.
//!   A link that ended and was replaced within 200 ms was in use throughout. So a cut between two nodes, both of which
//!   reach a third, makes nobody offline.
//! - Whom a node saw so when theirs was killed stays online for their grace; when theirs left, for the handover. A
//!   node that has been started since learns of them as well.
//! - A node that was stopped (not killed) accuses nobody of the silence meanwhile.
//! - An incarnation is raised only by a node whose clock stepped back.
//! - Nobody is online for longer than 1 s after their last vote and its grace, where nothing but processes that end
//!   (and close their links, as the kernel does) went wrong for a while. A node that had no link with the voter, or was
//!   started later, may take as long as it takes to notice silence, and the grace from then on.
//!
//! Only the first part of the first one is asked of schedules in which messages are lost, as TCP loses none.

use std::collections::BTreeMap;

use muster_presence::replica::{HANDOVER_MS, SILENCE_MS};

use crate::hearing::SETTLE_MS;
use crate::node::Owed;
use crate::users::GRACE_MS_MAX;
use crate::world::World;

/// Within which a node that is started has links with all that it can reach.
const SOON_MS: u64 = 1_000;
/// How long after the last vote for them a user may be online.
const PROMPT_MS: u64 = 1_000;
/// How long a disturbance may have effects on that.
const DISTURBED_MS: u64 = 9_000;

impl World {
    /// Looks at everything.
    pub(crate) fn look(&mut self) {
        self.look_at_pairs();
        self.look_at_incarnations();
        for n in 0..self.nodes.len() {
            for u in 0..self.users.len() {
                self.look_at(n, u);
            }
        }
    }

    pub(crate) fn look_at_incarnations(&mut self) {
        for n in 0..self.nodes.len() {
            let node = &mut self.nodes[n];
            let Some(me) = node.replica.as_ref().and_then(|replica| replica.me()) else {
                continue;
            };
            if me.incarnation > node.incarnation {
                let (name, is_latest) = (node.name.clone(), node.is_latest);
                node.incarnation = me.incarnation;
                if is_latest {
                    self.wrong(|| format!("{name} raised its incarnation"));
                }
            }
        }
    }

    /// Looks at what a node holds of a user.
    pub(crate) fn look_at(&mut self, n: usize, u: usize) {
        let node = &self.nodes[n];
        if !node.serves() || self.wrong.is_some() {
            return;
        }
        let is_online = node.told.contains(&u);
        if !is_online && let Some(why) = self.why_online(n, u) {
            let name = self.nodes[n].name.clone();
            self.wrong(|| format!("u{u} is offline for {name}, although {why}"));
        }
        if is_online && self.is_ghost(n, u) {
            let name = self.nodes[n].name.clone();
            self.wrong(|| format!("u{u} is online for {name} long after their last vote"));
        }
    }

    /// What should keep a user online for a node.
    fn why_online(&self, n: usize, u: usize) -> Option<String> {
        let node = &self.nodes[n];
        if node.votes.contains_key(&u) {
            return Some("they are connected to it".to_owned());
        }
        if self.is_owed(n, u) {
            return Some("their grace runs".to_owned());
        }
        let mut kept = node.kept.iter();
        let is_kept = kept.any(|((_, kept), until_ms)| *kept == u && self.now_ms < *until_ms);
        if is_kept && self.profile.loss.is_none() {
            return Some("it was stopped itself".to_owned());
        }
        let others = 0..self.nodes.len();
        if let Some(other) = others
            .clone()
            .find(|other| self.told_newcomer(n, *other, u))
        {
            let name = &self.nodes[other].name;
            return Some(format!("{name} knows that their grace runs"));
        }
        let votes = |other: &usize| {
            let vote = self.nodes[*other].votes.get(&u);
            let is_old = |since_ms| self.now_ms >= since_ms + SETTLE_MS;
            *other != n && vote.is_some_and(|vote| is_old(vote.since_ms))
        };
        let mut others = others;
        let voter = others.find(|other| votes(other) && self.hears(n, *other));
        voter.map(|voter| format!("it can hear {}", self.nodes[voter].name))
    }

    fn is_owed(&self, n: usize, u: usize) -> bool {
        let owed = self.nodes[n].owed.get(&u);
        owed.is_some_and(|owed| self.now_ms < owed.until_ms)
    }

    /// Whether a node must have learned of a grace that ran when it was started from another one, that it was linked
    /// with from then on.
    fn told_newcomer(&self, n: usize, other: usize, u: usize) -> bool {
        let (node, teller) = (&self.nodes[n], &self.nodes[other]);
        let owed = teller.owed.get(&u);
        let apart_ms = self.book.pair(n, other).apart_ms;
        n != other
            && self.profile.loss.is_none()
            && self.is_owed(other, u)
            && owed.is_some_and(|owed| owed.since_ms < node.born_ms)
            && node.born_with.contains(&teller.name)
            && apart_ms < node.born_ms + SOON_MS
            && self.is_in_use(n, other)
    }

    /// Nodes that a node is linked with, and their users.
    pub(crate) fn seen_by(&self, n: usize) -> BTreeMap<(usize, usize), u64> {
        let voters = (0..self.nodes.len()).filter(|voter| {
            let is_linked = *voter != n && self.are_linked(n, *voter);
            is_linked && self.is_in_use(n, *voter) && self.nodes[*voter].serves()
        });
        let votes = voters.flat_map(|voter| {
            let votes = self.nodes[voter].votes.iter();
            let settled = votes.filter(|(_, vote)| self.now_ms >= vote.since_ms + SETTLE_MS);
            settled.map(move |(u, _)| ((voter, *u), u64::MAX))
        });
        votes.collect()
    }

    /// Something happened between two nodes after which either may give up the other's users, stopped or not.
    pub(crate) fn forgive(&mut self, one: usize, other: usize) {
        for (n, voter) in [(one, other), (other, one)] {
            self.nodes[n].kept.retain(|(of, _), _| *of != voter);
        }
    }

    /// Something happened to a node after which others may give up its users.
    pub(crate) fn forgive_all(&mut self, voter: usize) {
        for node in &mut self.nodes {
            node.kept.retain(|(of, _), _| *of != voter);
        }
    }

    fn is_ghost(&self, n: usize, u: usize) -> bool {
        let is_quiet = self
            .book
            .disturbed_ms
            .is_none_or(|ms| self.now_ms > ms + DISTURBED_MS);
        let is_voted_for = self.nodes.iter().any(|node| node.votes.contains_key(&u));
        let newcomer_ms = self.nodes[n].born_ms + SILENCE_MS + GRACE_MS_MAX;
        let until_ms = self.book.online_until_ms[n][u].max(newcomer_ms);
        is_quiet
            && self.profile.loss.is_none()
            && !is_voted_for
            && self.now_ms > until_ms + PROMPT_MS
    }

    /// A node's vote for a user ends; its grace lasts until then.
    pub(crate) fn end_vote(&mut self, voter: usize, u: usize, until_ms: u64) {
        for n in 0..self.nodes.len() {
            let is_linked = n == voter || self.is_in_use(n, voter);
            let slack_ms = if is_linked { 0 } else { SILENCE_MS };
            let until_ms = until_ms + slack_ms;
            let known_ms = &mut self.book.online_until_ms[n][u];
            *known_ms = until_ms.max(*known_ms);
        }
    }

    /// A node is about to be killed: its users keep their grace wherever they are seen.
    pub(crate) fn owe_graces(&mut self, n: usize) {
        self.owe(n, |world, grace_ms| world.now_ms + grace_ms);
    }

    /// Everybody has been told that a node leaves: its users have the handover.
    pub(crate) fn leave_told(&mut self, n: usize, life: u32) {
        let node = &self.nodes[n];
        let (true, Some(left_ms)) = (node.life == life && node.runs(), node.left_ms) else {
            return;
        };
        self.nodes[n].left_ms = None;
        self.owe(n, |_, grace_ms| left_ms + grace_ms.max(HANDOVER_MS.into()));
        self.nodes[n].left_ms = Some(left_ms);
    }

    fn owe(&mut self, n: usize, until: impl Fn(&World, u64) -> u64) {
        let votes = self.nodes[n].votes.clone();
        for other in (0..self.nodes.len()).filter(|other| *other != n) {
            if !self.hears(other, n) {
                continue;
            }
            for (u, vote) in &votes {
                let grace_ms = vote.ballot.grace_ms.into();
                if self.now_ms >= vote.cast_ms + SETTLE_MS {
                    let until_ms = until(self, grace_ms);
                    let since_ms = self.now_ms;
                    let owed = Owed { since_ms, until_ms };
                    let known = self.nodes[other].owed.entry(*u).or_insert(owed);
                    if known.until_ms < until_ms {
                        *known = owed;
                    }
                }
            }
        }
    }
}
