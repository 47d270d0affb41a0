//! Those who vote, as far as they are known here.

use std::collections::HashMap;
use std::sync::Arc;

use super::electorate::UserId;
use super::link::LinkId;
use super::log::Log;
use super::{CUT_MS, SILENCE_MS, SUSPECT_MS};
use crate::ballot::Devices;
use crate::message::{Life, Status};
use crate::origin::Origin;

/// How many replicas there may be.
pub(super) const ORIGINS_MAX: usize = 64;

/// Stands for an origin in the table of votes of one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot(pub(super) u8);

impl Slot {
    /// The replica itself.
    pub(super) const ME: Slot = Slot(0);
    /// Not an origin: the votes of origins that have gone, whose grace has not.
    pub(super) const LINGER: Slot = Slot(u8::MAX);
}

/// What is known of an origin.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) origin: Origin,
    /// The latest of its votes that is applied.
    pub(super) seq: u64,
    /// Whether all up to there are. Otherwise those that count are left over from an earlier incarnation, if any.
    pub(super) is_known: bool,
    /// Over all its votes that count.
    pub(super) digest: u64,
    /// The incarnation whose votes count: an earlier one until all is known of this.
    pub(super) voted_in: u64,
    /// For how many users it votes.
    pub(super) users: usize,
    /// The devices of those users who have something to tell.
    pub(super) devices: HashMap<UserId, Devices>,
    pub(super) log: Log,
    /// The pass over all its votes that is the latest.
    pub(super) mark: u8,
    /// Its own heartbeat.
    pub(super) beat: u64,
    /// When it was last heard, directly or through others.
    pub(super) heard_ms: u64,
    /// When the last link with it ended, if there is none.
    pub(super) cut_ms: Option<u64>,
    pub(super) end: Option<End>,
    pub(super) source: Option<Source>,
}

/// How an origin has gone, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct End {
    pub(super) has_left: bool,
    pub(super) at_ms: u64,
}

/// Who is asked for the votes of an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) link: LinkId,
    /// When it was last asked, or brought something.
    pub(super) since_ms: u64,
}

impl Known {
    /// An origin of which nothing is known but that it is there.
    pub(super) fn new(origin: Origin, beat: u64, now_ms: u64) -> Self {
        Self {
            voted_in: origin.incarnation,
            origin,
            seq: 0,
            is_known: false,
            digest: 0,
            users: 0,
            devices: HashMap::new(),
            log: Log::default(),
            mark: 0,
            beat,
            heard_ms: now_ms,
            cut_ms: None,
            end: None,
            source: None,
        }
    }

    pub(super) fn life(&self, now_ms: u64) -> Life {
        match self.end {
            Some(end) if end.has_left => Life::Left,
            Some(_) => Life::Down,
            None if self.cut_ms.is_some() || self.silent_ms(now_ms) > SUSPECT_MS => Life::Suspect,
            None => Life::Up,
        }
    }

    pub(super) fn votes(&self) -> bool {
        self.end.is_none()
    }

    pub(super) fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heard_ms)
    }

    /// Whether it is to be given up: nobody has heard it for long, or its link has ended and nobody else heard it since.
    pub(super) fn is_lost(&self, now_ms: u64) -> bool {
        let cut = self
            .cut_ms
            .map(|cut| now_ms.saturating_sub(cut.max(self.heard_ms)));
        self.silent_ms(now_ms) >= SILENCE_MS || cut.is_some_and(|ms| ms >= CUT_MS)
    }

    pub(super) fn status(&self, now_ms: u64) -> Status {
        Status {
            origin: self.origin.clone(),
            seq: self.seq,
            is_known: self.is_known,
            digest: self.digest,
            beat: self.beat,
            life: self.life(now_ms),
        }
    }

    /// It lives, in an incarnation that was not known: what is known of an earlier one counts until all is known of this.
    pub(super) fn supersede(&mut self, incarnation: u64, beat: u64, now_ms: u64) {
        self.origin.incarnation = incarnation;
        self.beat = beat;
        self.revive(now_ms);
    }

    /// It lives, but nothing that is known of it need be true any more.
    pub(super) fn revive(&mut self, now_ms: u64) {
        self.heard_ms = now_ms;
        self.cut_ms = None;
        self.end = None;
        self.source = None;
        self.is_known = false;
        self.seq = 0;
        self.log = Log::default();
    }
}

/// All that are known, the replica itself first.
#[derive(Debug)]
pub(super) struct Origins {
    slots: Vec<Option<Known>>,
}

impl Origins {
    pub(super) fn new(me: Origin) -> Self {
        let mut me = Known::new(me, 0, 0);
        me.is_known = true;
        Self {
            slots: vec![Some(me)],
        }
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Known> {
        self.slots.get(usize::from(slot.0))?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Known> {
        self.slots.get_mut(usize::from(slot.0))?.as_mut()
    }

    pub(super) fn slot(&self, replica: &str) -> Option<Slot> {
        let found = self
            .all()
            .find(|(_, known)| *known.origin.replica == *replica);
        found.map(|(slot, _)| slot)
    }

    /// The slot of an origin that is known in just this incarnation.
    pub(super) fn exactly(&self, origin: &Origin) -> Option<Slot> {
        let found = self.all().find(|(_, known)| known.origin == *origin);
        found.map(|(slot, _)| slot)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Slot, &Known)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(slot, known)| Some((Slot(slot as u8), known.as_ref()?)))
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = (Slot, &mut Known)> {
        let slots = self.slots.iter_mut().enumerate();
        slots.filter_map(|(slot, known)| Some((Slot(slot as u8), known.as_mut()?)))
    }

    /// All but the replica itself.
    pub(super) fn others(&self) -> impl Iterator<Item = (Slot, &Known)> {
        self.all().filter(|(slot, _)| *slot != Slot::ME)
    }

    pub(super) fn slots_of_others(&self) -> Vec<Slot> {
        self.others().map(|(slot, _)| slot).collect()
    }

    /// Takes up an origin, if there is room for one more.
    pub(super) fn add(&mut self, known: Known) {
        let count = self.slots.len();
        match self.slots.iter_mut().find(|slot| slot.is_none()) {
            Some(free) => *free = Some(known),
            None if count < ORIGINS_MAX => self.slots.push(Some(known)),
            None => {}
        }
    }

    pub(super) fn remove(&mut self, slot: Slot) {
        if let Some(place) = self.slots.get_mut(usize::from(slot.0)) {
            *place = None;
        }
    }

    /// The name of a replica, shared with what is known of it.
    pub(super) fn shared_name(&self, origin: &Origin) -> Arc<str> {
        let known = self.slot(&origin.replica).and_then(|slot| self.get(slot));
        known.map_or_else(
            || origin.replica.clone(),
            |known| known.origin.replica.clone(),
        )
    }
}
