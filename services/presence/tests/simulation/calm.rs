//! What must be so once nothing goes wrong any more.

use std::collections::BTreeSet;

use muster_presence::message::Life;
use muster_presence::replica::{FORGET_MS, Peer, Replica};

use crate::node::Node;
use crate::world::World;

/// How long replicas may take to agree. Silence is noticed after 3 s, a machine that lost power too; what others said of
/// it meanwhile may take as long again, and the users of a replica that left have 5 s to come back.
const AGREE_MS: u64 = 15_000;
/// How much longer than the trouble a node may be stopped.
const PAUSE_MS: usize = 5_000;
const STEP_MS: u64 = 100;
/// How long they must stay so.
const STAY_MS: u64 = 500;

impl World {
    /// Lets nothing go wrong any more, and waits until all agree.
    pub(crate) fn calm_down(&mut self) {
        self.is_troubled = false;
        if self.nodes.iter().any(|node| node.is_paused) {
            // Long enough for others to give up who is stopped, sometimes.
            let pause_ms = self.some_ms(PAUSE_MS);
            self.pass(pause_ms);
        }
        self.repair();
        self.agree();
        if self.profile.is_long {
            self.pass(FORGET_MS + AGREE_MS);
            if let Some(what) = self.disagreement() {
                self.wrong(|| format!("no longer so: {what}"));
            }
            self.expect_oblivion();
            self.begin_anew();
        }
    }

    fn agree(&mut self) {
        let end_ms = self.now_ms + AGREE_MS;
        let mut since_ms = None;
        while self.wrong.is_none() {
            let what = self.disagreement();
            let agreed_ms = *since_ms.get_or_insert(self.now_ms);
            match what {
                None if self.now_ms >= agreed_ms + STAY_MS => return,
                None => {}
                Some(_) if self.now_ms < end_ms => since_ms = None,
                Some(what) => self.wrong(|| format!("{AGREE_MS} ms after all was well: {what}")),
            }
            self.pass(STEP_MS);
        }
    }

    fn pass(&mut self, time_ms: u64) {
        self.run_until(self.now_ms + time_ms, |_| false);
    }

    fn repair(&mut self) {
        let count = self.nodes.len();
        for from in 0..count {
            (0..count).for_each(|to| self.heal(from, to));
        }
        for n in 0..count {
            if self.nodes[n].is_paused {
                self.resume(n);
            }
            if self.nodes[n].left_ms.is_some() {
                self.stopped(n, self.nodes[n].life);
            }
            if !self.nodes[n].runs() && self.dice.once_in(2) {
                self.start(n);
            }
        }
        self.restore_etcd();
    }

    /// Something that is not as it is to be.
    fn disagreement(&self) -> Option<String> {
        let running = || self.nodes.iter().filter(|node| node.runs());
        running().find_map(|node| {
            let replica = node.replica.as_ref()?;
            let what = running()
                .find_map(|other| misses(replica, other))
                .or_else(|| self.misjudges(node, replica));
            what.map(|what| format!("{} {what}", node.name))
        })
    }

    fn misjudges(&self, node: &Node, replica: &Replica) -> Option<String> {
        if node.ends.iter().any(|(link, _)| !self.is_current(*link)) {
            return Some("keeps a link with a process that is gone".to_owned());
        }
        if !replica.is_synced() {
            return Some("is not in sync".to_owned());
        }
        (0..self.users.len()).find_map(|u| self.misjudges_user(node, replica, u))
    }

    fn is_current(&self, link: usize) -> bool {
        let mut sides = self.links[link].sides.iter();
        sides.all(|side| self.nodes[side.node].life == side.life && self.nodes[side.node].runs())
    }

    fn misjudges_user(&self, node: &Node, replica: &Replica, u: usize) -> Option<String> {
        let votes = self.nodes.iter().filter_map(|node| node.votes.get(&u));
        let devices = votes
            .clone()
            .flat_map(|vote| vote.ballot.devices.iter().flat_map(|d| d.iter()));
        let vote = replica.vote(&self.users[u]);
        let id = replica.id(&self.users[u]);
        let seen = (
            id.is_some_and(|id| replica.is_online(id)),
            vote.self_vote,
            vote.votes_for as usize,
            vote.total_voters as usize,
            id.map_or(0, |id| replica.devices(id).len()),
        );
        let is = (
            votes.clone().count() > 0,
            node.votes.contains_key(&u),
            votes.count(),
            self.nodes.iter().filter(|node| node.runs()).count(),
            devices.count(),
        );
        (seen != is).then(|| {
            format!(
                "sees u{u} as (online, self vote, votes for, voters, devices) {seen:?}, not {is:?}"
            )
        })
    }

    /// Those who were forgotten come back, and everybody is connected everywhere.
    fn begin_anew(&mut self) {
        for n in 0..self.nodes.len() {
            if !self.nodes[n].runs() {
                self.start(n);
            }
            (0..self.users.len()).for_each(|u| self.connect(n, u));
        }
        self.agree();
    }

    /// Replicas that are gone for long are forgotten.
    fn expect_oblivion(&mut self) {
        let running = || self.nodes.iter().filter(|node| node.runs());
        let names: BTreeSet<_> = running().map(|node| node.name.clone()).collect();
        let remembers = running().find_map(|node| {
            let known = node.replica.as_ref()?.replicas();
            let known: BTreeSet<_> = known.into_iter().map(|peer| peer.origin.replica).collect();
            (known != names).then(|| format!("{} remembers {known:?} of {names:?}", node.name))
        });
        if let Some(what) = remembers {
            self.wrong(|| what);
        }
    }
}

/// What a replica does not know of another node.
fn misses(replica: &Replica, other: &Node) -> Option<String> {
    let of = |replica: &Replica| {
        let known = replica.replicas().into_iter();
        known.clone().find(|peer| peer.origin.replica == other.name)
    };
    let Some(seen) = of(replica) else {
        return Some(format!("does not know {}", other.name));
    };
    let is = of(other.replica.as_ref()?)?;
    let state = |peer: &Peer| {
        (
            peer.origin.clone(),
            peer.life,
            peer.users,
            peer.seq,
            peer.behind,
            peer.digest,
        )
    };
    let is_same = state(&seen) == state(&is) && is.life == Life::Up;
    (!is_same).then(|| format!("knows {seen:?} for {is:?}"))
}
