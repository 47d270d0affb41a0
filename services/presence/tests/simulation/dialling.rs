//! Dialling and accepting, as a process and TCP do it.

use crate::link::{Link, State};
use crate::world::{Event, World, note};

const DIAL_MS: u64 = 100;
/// The greater of two names dials only after so long without a link.
const YIELD_MS: u64 = 500;
const DIAL_DEADLINE_MS: u64 = 1_000;

impl World {
    /// A node looks for members without a link.
    pub(crate) fn dial(&mut self, n: usize, life: u32) {
        if self.nodes[n].life != life || !self.nodes[n].runs() {
            return;
        }
        self.after(DIAL_MS, Event::Dial(n, life));
        if self.nodes[n].is_paused {
            return;
        }
        for peer in (0..self.nodes.len()).filter(|peer| *peer != n) {
            if self.should_dial(n, peer) {
                self.call(n, peer);
            }
        }
    }

    fn should_dial(&mut self, n: usize, peer: usize) -> bool {
        let name = self.nodes[peer].name.clone();
        let (node, links) = (&mut self.nodes[n], &self.links);
        let is_dialled = |&(link, side): &(usize, usize)| {
            let link: &Link = &links[link];
            side == 0 && link.sides[1].node == peer && link.sides[0].state != State::Closed
        };
        let replica = node.replica.as_ref().expect("it runs");
        if !node.listed.contains(&name)
            || replica.has_link_with(&name)
            || node.ends.iter().any(is_dialled)
        {
            node.apart_ms.remove(&peer);
            return false;
        }
        let apart_ms = *node.apart_ms.entry(peer).or_insert(self.now_ms);
        replica.is_new() || node.name < name || self.now_ms - apart_ms >= YIELD_MS
    }

    fn call(&mut self, n: usize, peer: usize) {
        let latency_ms = self.some_ms(self.profile.latency_ms) + 1;
        let room = *self.dice.one_of(&[2, 4, 32]);
        let sides = [n, peer].map(|node| (node, self.nodes[node].life));
        self.links.push(Link::new(sides, room, latency_ms));
        let link = self.links.len() - 1;
        self.nodes[n].ends.push((link, 0));
        if self.is_apart(n, peer) {
            self.after(DIAL_DEADLINE_MS, Event::Unreached(link));
        } else if self.nodes[peer].runs() {
            self.after(2 * latency_ms, Event::Connected(link));
        } else {
            self.after(2 * latency_ms, Event::Unreached(link));
        }
    }

    /// The process at the other end need not do anything for that.
    pub(crate) fn connected(&mut self, link: usize) {
        let [(n, life), (peer, peer_life)] = self.ends_of(link);
        if self.nodes[n].life != life || self.links[link].sides[0].state == State::Closed {
            return;
        }
        if self.nodes[peer].life != peer_life || !self.nodes[peer].runs() || self.is_apart(n, peer)
        {
            return self.unreached(link);
        }
        if self.nodes[n].is_paused {
            return self.after(20, Event::Connected(link));
        }
        self.open(link, 0);
        self.after(self.links[link].latency_ms, Event::Accepted(link));
    }

    pub(crate) fn unreached(&mut self, link: usize) {
        let [(n, life), (peer, _)] = self.ends_of(link);
        if self.nodes[n].life != life || !self.nodes[n].runs() {
            return;
        }
        if self.nodes[n].is_paused {
            return self.after(20, Event::Unreached(link));
        }
        self.links[link].sides[0].state = State::Closed;
        self.nodes[n].ends.retain(|end| *end != (link, 0));
        let name = self.nodes[peer].name.clone();
        self.with(n, |replica, _| replica.unreachable(name));
    }

    pub(crate) fn accepted(&mut self, link: usize) {
        let [_, (peer, life)] = self.ends_of(link);
        let node = &self.nodes[peer];
        let is_waiting = self.links[link].sides[1].state == State::Waiting;
        if node.life != life || !node.runs() || !is_waiting {
            return;
        }
        if node.is_paused {
            return self.after(20, Event::Accepted(link));
        }
        self.nodes[peer].ends.push((link, 1));
        self.open(link, 1);
        self.release(link);
    }

    fn open(&mut self, link: usize, side: usize) {
        let n = self.links[link].sides[side].node;
        let id = self.with(n, |replica, now| replica.open_link(now));
        self.links[link].sides[side].state = State::Open(id);
        note!(self, "{} opens link {link}", self.nodes[n].name);
        self.pump_soon(n);
    }

    /// Whether a call between two nodes would not come through.
    fn is_apart(&self, one: usize, other: usize) -> bool {
        self.cut[one][other] || self.cut[other][one]
    }
}
