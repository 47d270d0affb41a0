//! Who is there: heartbeats, and what follows where they do not come.
//!
//! Each origin raises a number of its own, and everybody reports the highest that came to them. So an origin is heard
//! as long as there is any way to it, over however many others, and nobody can keep one alive by hearsay.

use std::sync::Arc;

use super::link::LinkId;
use super::origins::{End, Known, Slot};
use super::{BEAT_MS, CUT_MS, FORGET_MS, Now, Replica, SILENCE_MS, SUSPECT_MS};
use crate::message::Life;
use crate::origin::Origin;

impl Replica {
    /// Lets time pass. To be called every [`TICK_MS`](super::TICK_MS).
    pub fn tick(&mut self, now: Now) {
        let now_ms = self.clock.read(now);
        if now_ms >= self.next_beat_ms {
            self.next_beat_ms = now_ms + BEAT_MS;
            self.beat(now_ms);
        }
        self.bury_lost(now, now_ms);
        self.end_graces(now, now_ms);
        self.give_up_links(now_ms);
        self.forget_gone(now_ms);
        self.choose_sources(now_ms);
        self.origins
            .all_mut()
            .for_each(|(_, known)| known.log.decay());
        self.is_new = self.is_new && !self.is_synced();
    }

    /// This replica is about to stop: its votes stay as they are, and its users have time to go elsewhere.
    pub fn leave(&mut self, now: Now) {
        self.clock.read(now);
        self.is_leaving = true;
        self.links
            .values_mut()
            .for_each(|link| link.report_is_due = true);
    }

    /// Whether everybody who is linked with it was told that it leaves.
    #[must_use]
    pub fn has_said_farewell(&self) -> bool {
        self.links
            .values()
            .all(|link| link.has_said_farewell || link.peer.is_none())
    }

    /// A link has ended.
    pub fn close_link(&mut self, id: LinkId, now: Now) {
        let now_ms = self.clock.read(now);
        let Some(peer) = self.links.remove(&id).and_then(|link| {
            // One that was silent before it ended says nothing by its end.
            let ended_in_mid_sentence = link.silent_ms(now_ms) <= SUSPECT_MS;
            link.peer.filter(|_| ended_in_mid_sentence)
        }) else {
            return self.lose_source(id);
        };
        if !self.links.values().any(|link| link.is_with(&peer.replica))
            && let Some(slot) = self.origins.exactly(&peer)
            && let Some(known) = self.origins.get_mut(slot)
        {
            known.cut_ms = Some(now_ms);
        }
        self.lose_source(id);
        self.choose_sources(now_ms);
    }

    /// Links that are to be closed: nothing comes over them.
    pub fn dead_links(&mut self) -> Vec<LinkId> {
        std::mem::take(&mut self.dead)
    }

    /// Whether there is a link with a replica.
    #[must_use]
    pub fn has_link_with(&self, replica: &str) -> bool {
        self.links.values().any(|link| link.is_with(replica))
    }

    fn beat(&mut self, now_ms: u64) {
        if let Some(me) = self.origins.get_mut(Slot::ME) {
            me.beat += 1;
            me.heard_ms = now_ms;
        }
        self.links
            .values_mut()
            .for_each(|link| link.report_is_due = true);
    }

    fn bury_lost(&mut self, now: Now, now_ms: u64) {
        let votes = self.origins.others().filter(|(_, known)| known.votes());
        let lost = votes.filter(|(_, known)| self.is_lost(known, now_ms));
        let lost: Vec<_> = lost.map(|(slot, _)| slot).collect();
        for slot in lost {
            let end = End {
                has_left: false,
                at_ms: now_ms,
            };
            self.bury(slot, 0, end, now);
        }
    }

    /// Whether an origin is to be given up: it was silent for too long; or its link has ended, or there was none, and
    /// nobody else has heard it since.
    fn is_lost(&self, known: &Known, now_ms: u64) -> bool {
        known.is_lost(now_ms)
            || (known.silent_ms(now_ms) >= CUT_MS && self.is_down_for_others(&known.origin))
    }

    /// Whether there is no link with an origin, and everybody who has heard of it says that it is down.
    fn is_down_for_others(&self, origin: &Origin) -> bool {
        let reports = self
            .links
            .values()
            .filter_map(|link| link.report(&origin.replica));
        let mut lives = reports
            .filter(|report| report.origin == *origin)
            .map(|report| report.life);
        !self.has_link_with(&origin.replica)
            && lives.next() == Some(Life::Down)
            && lives.all(|life| life == Life::Down)
    }

    fn give_up_links(&mut self, now_ms: u64) {
        let silent = self.links.iter();
        let silent = silent.filter(|(_, link)| link.silent_ms(now_ms) >= SILENCE_MS);
        self.dead = silent.map(|(id, _)| *id).collect();
    }

    /// Frees the places of those who are gone for long and are expected by nobody.
    fn forget_gone(&mut self, now_ms: u64) {
        let gone = self.origins.others().filter(|(_, known)| {
            let end = known
                .end
                .filter(|end| now_ms.saturating_sub(end.at_ms) >= FORGET_MS);
            end.is_some() && !self.is_expected(&known.origin.replica)
        });
        let gone: Vec<_> = gone.map(|(slot, _)| slot).collect();
        for slot in gone {
            self.origins.remove(slot);
            self.links.values_mut().for_each(|link| {
                link.feeds.remove(&slot);
            });
        }
    }

    fn is_expected(&self, replica: &Arc<str>) -> bool {
        let members = self.members.as_ref();
        members.is_some_and(|members| members.contains(replica)) || self.has_link_with(replica)
    }

    fn lose_source(&mut self, id: LinkId) {
        for (_, known) in self.origins.all_mut() {
            known.source.take_if(|source| source.link == id);
        }
    }
}
