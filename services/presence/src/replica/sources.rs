//! Of whom the votes of each origin are wanted: of itself, or of whoever has the most of them.

use super::link::LinkId;
use super::origins::{Known, Slot, Source};
use super::{Replica, SUSPECT_MS};
use crate::message::{From, Status, Want};

/// How long a source may be ahead without bringing anything, until it is asked again.
const STUCK_MS: u64 = 1000;

impl Replica {
    /// Chooses a source for each origin, and asks again what is stuck.
    pub(super) fn choose_sources(&mut self, now_ms: u64) {
        for slot in self.origins.slots_of_others() {
            let Some(known) = self.origins.get(slot).filter(|known| known.votes()) else {
                continue;
            };
            let Some(best) = self.best_source(known, now_ms) else {
                continue;
            };
            match known.source {
                Some(source) if source.link == best => self.nudge(slot, source, now_ms),
                before => self.change_source(slot, before, best, now_ms),
            }
        }
    }

    /// The origin itself, if it is there; or who has the latest of its votes. Of two links with the origin the later
    /// one: that there is one means that the other end has given up the earlier.
    fn best_source(&self, known: &Known, now_ms: u64) -> Option<LinkId> {
        let replica = &known.origin.replica;
        let fit = self
            .links
            .iter()
            .filter(|(_, link)| link.silent_ms(now_ms) <= SUSPECT_MS);
        let direct = fit
            .clone()
            .rfind(|(_, link)| link.peer.as_ref() == Some(&known.origin));
        if let Some((id, _)) = direct {
            return Some(*id);
        }
        let relays = fit.filter_map(|(id, link)| {
            let status = link.report(replica)?;
            let has_it = status.origin == known.origin && status.is_known;
            let is_current = known.source.is_some_and(|source| source.link == *id);
            // One that is as good as any other is kept.
            has_it.then_some(((status.seq, is_current), *id))
        });
        relays.max_by_key(|(rank, _)| *rank).map(|(_, id)| id)
    }

    fn change_source(&mut self, slot: Slot, before: Option<Source>, link: LinkId, now_ms: u64) {
        if let Some(before) = before {
            self.want(slot, before.link, From::Nowhere);
        }
        if let Some(known) = self.origins.get_mut(slot) {
            let since_ms = now_ms;
            known.source = Some(Source { link, since_ms });
            let from = known.missing();
            self.want(slot, link, from);
        }
    }

    /// Asks a source again that has what is missing here, and does not bring it.
    fn nudge(&mut self, slot: Slot, source: Source, now_ms: u64) {
        let is_stuck = now_ms.saturating_sub(source.since_ms) >= STUCK_MS;
        let (Some(known), Some(link)) = (self.origins.get(slot), self.links.get(&source.link))
        else {
            return;
        };
        let report = link.report(&known.origin.replica);
        let Some(report) = report.filter(|report| report.origin == known.origin && report.is_known)
        else {
            return;
        };
        if known.differs_from(report) {
            // Whatever was lost, it was not noticed: nothing that is known of it need be true.
            if is_stuck {
                self.ask(slot, source.link, From::Start, now_ms);
            }
        } else if is_stuck && (!known.is_known || known.seq < report.seq) {
            let from = known.missing();
            self.ask(slot, source.link, from, now_ms);
        }
    }

    /// Votes are missing in front of those that came over a link.
    pub(super) fn ask_again(&mut self, slot: Slot, link: LinkId, now_ms: u64) {
        let Some(known) = self.origins.get(slot) else {
            return;
        };
        if known.source.is_some_and(|source| source.link == link) {
            let from = known.missing();
            self.ask(slot, link, from, now_ms);
        }
    }

    fn ask(&mut self, slot: Slot, link: LinkId, from: From, now_ms: u64) {
        if let Some(source) = self
            .origins
            .get_mut(slot)
            .and_then(|known| known.source.as_mut())
        {
            source.since_ms = now_ms;
        }
        self.want(slot, link, from);
    }

    fn want(&mut self, slot: Slot, link: LinkId, from: From) {
        if let (Some(known), Some(link)) = (self.origins.get(slot), self.links.get_mut(&link)) {
            let origin = known.origin.clone();
            link.ask(Want { origin, from });
        }
    }
}

impl Known {
    fn missing(&self) -> From {
        match self.is_known {
            true => From::After(self.seq),
            false => From::Start,
        }
    }

    /// Whether somebody has other votes of it under the same number.
    fn differs_from(&self, report: &Status) -> bool {
        self.is_known && self.seq == report.seq && self.digest != report.digest
    }
}
