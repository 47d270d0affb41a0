//! Sending, receiving and hanging up, as a process and TCP do it.

use muster_presence::message::Message;
use muster_presence::replica::LinkId;

use crate::link::{Parcel, State};
use crate::world::{Event, World, note};

/// How long votes are gathered before they are sent.
const GATHER_MS: usize = 4;
/// How long after the end of a cut TCP sends again what waits.
const RETRANSMIT_MS: usize = 1_000;

impl World {
    /// A node will ask its replica what to say.
    pub(crate) fn pump_soon(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        if !std::mem::replace(&mut node.will_pump, true) {
            let life = node.life;
            let delay_ms = self.some_ms(GATHER_MS);
            self.after(delay_ms, Event::Pump(n, life));
        }
    }

    pub(crate) fn pump(&mut self, n: usize, life: u32) {
        let node = &mut self.nodes[n];
        if node.life != life || !node.runs() {
            return;
        }
        node.will_pump = false;
        if node.is_paused {
            return;
        }
        for end in 0..node.ends.len() {
            let (link, side) = self.nodes[n].ends[end];
            while self.links[link].has_room(side, self.now_ms) {
                let Some(message) = self.next_message(n, link, side) else {
                    break;
                };
                self.put_in(link, side, message);
            }
        }
    }

    fn next_message(&mut self, n: usize, link: usize, side: usize) -> Option<Message> {
        let State::Open(id) = self.links[link].sides[side].state else {
            return None;
        };
        let node = &mut self.nodes[n];
        let now = node.now(self.now_ms);
        node.replica.as_mut()?.next_message(id, now)
    }

    /// Sends a message, or loses it, or sends it twice.
    fn put_in(&mut self, link: usize, side: usize, message: Message) {
        let loss = self.profile.loss.filter(|_| self.is_troubled);
        let is_hello = matches!(message, Message::Hello(_));
        let times = match loss.filter(|_| !is_hello) {
            Some(times) if self.dice.once_in(times) => *self.dice.one_of(&[0, 2]),
            _ => 1,
        };
        if times != 1 {
            note!(self, "link {link}: {times} times {message:?}");
        }
        for _ in 0..times {
            self.send(link, side, Parcel::Message(message.clone()));
        }
    }

    fn send(&mut self, link: usize, side: usize, parcel: Parcel) {
        let arrival_ms = self.links[link].send(side, parcel, self.now_ms);
        self.after(arrival_ms - self.now_ms, Event::Arrived(link, side));
    }

    /// What a side has sent is there.
    pub(crate) fn arrived(&mut self, link: usize, from: usize) {
        let ends = self.ends_of(link);
        let (n, life) = ends[1 - from];
        let (to_state, node) = (self.links[link].sides[1 - from].state, &self.nodes[n]);
        if node.life != life || !node.runs() || to_state == State::Closed {
            return self.links[link].sides[from].sent.clear();
        }
        let State::Open(id) = to_state else {
            return;
        };
        let is_there = |(arrival_ms, _): &(u64, Parcel)| *arrival_ms <= self.now_ms;
        let sender = ends[from].0;
        if node.is_paused || self.cut[sender][n] {
            return;
        }
        let sent = &mut self.links[link].sides[from].sent;
        let Some((_, parcel)) = sent.pop_front_if(|parcel| is_there(parcel)) else {
            return;
        };
        if self.cut[n][sender] {
            let now_ms = self.now_ms;
            let unacked_ms = &mut self.links[link].sides[from].unacked_ms;
            unacked_ms.get_or_insert(now_ms);
        } else if self.nodes[sender].runs() {
            self.pump_soon(sender);
        }
        match parcel {
            Parcel::Message(message) => self.receive(link, 1 - from, id, message),
            Parcel::End => self.hang_up(link, 1 - from, true),
        }
    }

    fn receive(&mut self, link: usize, side: usize, id: LinkId, message: Message) {
        self.messages_count += 1;
        let n = self.links[link].sides[side].node;
        if matches!(message, Message::Hello(_)) {
            self.links[link].sides[side].is_greeted = true;
        }
        // The order of what was last seen is that of a hash table, and means nothing.
        if !matches!(message, Message::Report(_) | Message::LastSeen(_)) {
            note!(
                self,
                "link {link}: {} receives {message:?}",
                self.nodes[n].name
            );
        }
        let outcome = self.with(n, |replica, now| replica.receive(id, message, now));
        if let Err(why) = outcome {
            if self.profile.loss.is_none() {
                self.wrong(|| format!("link {link} is closed: {why}"));
            }
            self.hang_up(link, side, true);
        }
    }

    /// A replica gives a link up.
    pub(crate) fn hang_up_id(&mut self, n: usize, id: LinkId) {
        let is_it = |(link, side): &&(usize, usize)| {
            self.links[*link].sides[*side].state == State::Open(id)
        };
        if let Some(&(link, side)) = self.nodes[n].ends.iter().find(is_it) {
            self.book.disturbed_ms = Some(self.now_ms);
            self.hang_up(link, side, true);
        }
    }

    /// A side closes a link, which the other one is told at once or never.
    pub(crate) fn hang_up(&mut self, link: usize, side: usize, is_told: bool) {
        let State::Open(id) = self.links[link].sides[side].state else {
            return;
        };
        let n = self.links[link].sides[side].node;
        note!(self, "{} closes link {link}", self.nodes[n].name);
        self.links[link].sides[side].state = State::Closed;
        self.nodes[n].ends.retain(|end| *end != (link, side));
        self.with(n, |replica, now| replica.close_link(id, now));
        if is_told {
            self.tell_end(link, side);
        }
    }

    /// The other side of a link learns that this one has closed it.
    pub(crate) fn tell_end(&mut self, link: usize, side: usize) {
        let ended = std::mem::replace(&mut self.links[link].sides[side].is_ended, true);
        if !ended {
            self.send(link, side, Parcel::End);
        }
    }

    /// What was held back on a link goes on.
    pub(crate) fn release(&mut self, link: usize) {
        let now_ms = self.now_ms;
        for side in 0..2 {
            let held = self.links[link].sides[side].sent.iter();
            let soonest_ms = self.links[link].stalled_until_ms;
            let delays: Vec<u64> = held
                .map(|(arrival_ms, _)| arrival_ms.max(&soonest_ms).saturating_sub(now_ms))
                .collect();
            for delay_ms in delays {
                self.after(delay_ms, Event::Arrived(link, side));
            }
        }
    }

    /// Links of a pair of nodes work again, when TCP comes to try.
    pub(crate) fn unstall(&mut self, one: usize, other: usize) {
        for link in 0..self.links.len() {
            let nodes = self.links[link].sides.each_ref().map(|side| side.node);
            if nodes == [one, other] || nodes == [other, one] {
                let stalled_ms = self.some_ms(RETRANSMIT_MS);
                self.links[link].stalled_until_ms = self.now_ms + stalled_ms;
                for side in &mut self.links[link].sides {
                    side.unacked_ms = None;
                    for (arrival_ms, _) in &mut side.sent {
                        *arrival_ms = (*arrival_ms).max(self.now_ms + stalled_ms);
                    }
                }
                self.release(link);
                nodes.into_iter().for_each(|n| self.pump_if_runs(n));
            }
        }
    }

    fn pump_if_runs(&mut self, n: usize) {
        if self.nodes[n].runs() {
            self.pump_soon(n);
        }
    }

    pub(crate) fn ends_of(&self, link: usize) -> [(usize, u32); 2] {
        self.links[link]
            .sides
            .each_ref()
            .map(|side| (side.node, side.life))
    }
}
