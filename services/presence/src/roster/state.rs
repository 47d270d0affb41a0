//! All that a roster holds, under its lock: no clock and no waiting of its own.

use std::collections::HashMap;
use std::sync::Arc;

use super::RosterLimits;
use super::graces::Graces;
use super::local::Local;
use super::monitor::Slot;
use super::ring::{Kept, Ring};
use super::session::SessionId;
use super::sessions::Open;
use super::telling::{PART_BYTES, Telling};
use super::watchers::{Watch, Watcher};
use crate::cursor::Cursor;
use crate::error::Error;
use crate::origin::Origin;
use crate::presence::Presence;
use crate::replica::{Change, Now, Replica, UserId, Vote, What};
use crate::user::User;

/// How many graces end in one tick at most: the lock is not held for longer.
const GRACES_PER_TICK: usize = 5000;

/// See [`super::Roster`].
#[derive(Debug)]
pub(super) struct State {
    pub(super) limits: RosterLimits,
    /// This life of this replica, for cursors: what they stand for dies with the process.
    life: Origin,
    pub(super) replica: Replica,
    /// Who has more than one connection here, or something to tell. Of all others the vote says it.
    pub(super) locals: HashMap<UserId, Local>,
    pub(super) graces: Graces,
    pub(super) watch: Watch,
    pub(super) monitors: usize,
    pub(super) sessions: HashMap<SessionId, Open>,
    pub(super) next_session: SessionId,
    pub(super) ring: Ring,
    /// Whether a vote was cast since it was last asked.
    pub(super) has_voted: bool,
    pub(super) is_leaving: bool,
}

impl State {
    pub(super) fn new(me: Origin, limits: RosterLimits) -> Self {
        Self {
            limits,
            life: me.clone(),
            replica: Replica::new(me),
            locals: HashMap::new(),
            graces: Graces::default(),
            watch: Watch::default(),
            monitors: 0,
            sessions: HashMap::new(),
            next_session: SessionId::of(0),
            ring: Ring::default(),
            has_voted: false,
            is_leaving: false,
        }
    }

    /// Time passes.
    pub(super) fn tick(&mut self, now: Now) {
        self.replica.tick(now);
        for _ in 0..GRACES_PER_TICK {
            let Some(user) = self.graces.pop_over(now.ms) else {
                return;
            };
            let ballot = self.replica.own_ballot(user);
            if ballot.is_some_and(|ballot| ballot.is_leaving) {
                self.cast(user, None, now);
            }
        }
    }

    /// From now on the votes stay as they are: who disconnects has to be let move.
    pub(super) fn leave(&mut self, now: Now) {
        self.is_leaving = true;
        self.has_voted = true;
        self.replica.leave(now);
    }

    /// A place of this replica.
    pub(super) fn cursor(&self, position: u64) -> Cursor {
        Cursor {
            origin: self.life.clone(),
            position,
        }
    }

    /// The position of a cursor of this replica.
    pub(super) fn own_position(&self, cursor: &Cursor) -> Option<u64> {
        (cursor.origin == self.life).then_some(cursor.position)
    }

    /// Tells whoever watches what has changed. To be called after whatever may change anything.
    pub(super) fn settle(&mut self) {
        for change in self.replica.take_changes() {
            self.keep(&change);
            self.tell(&change);
            if change.what == What::Offline && !self.watch.is_watched(change.user) {
                self.replica.release(change.user);
            }
        }
    }

    fn keep(&mut self, change: &Change) {
        if let Some(user) = self.replica.user(change.user) {
            self.ring.push(Kept {
                user: user.clone(),
                what: change.what,
                origin: change.origin.clone(),
                seq: change.seq,
                at_unix_ms: change.at_unix_ms,
            });
        }
    }

    fn tell(&mut self, change: &Change) {
        let position = self.ring.end().saturating_sub(1);
        let sessions = &mut self.sessions;
        self.watch.each(change.user, |watcher| match watcher {
            Watcher::Monitor(slot) => tell_monitor(slot, change.what),
            Watcher::Session(session) => {
                if let Some(open) = sessions.get_mut(session) {
                    open.note(change, position);
                }
            }
        });
    }

    /// A monitor of the user has its value in the slot from now on.
    pub(super) fn monitor(&mut self, user: &User) -> (UserId, Arc<Slot>) {
        let user = self.replica.intern(user);
        let slot = Arc::new(Slot::default());
        slot.set(self.replica.is_online(user));
        self.watch.add(user, Watcher::Monitor(Arc::clone(&slot)));
        self.monitors += 1;
        (user, slot)
    }

    pub(super) fn forget_monitor(&mut self, user: UserId, slot: &Arc<Slot>) {
        self.unwatch(user, &Watcher::Monitor(Arc::clone(slot)));
        self.monitors -= 1;
    }

    /// Nobody is kept whom no one watches and no one votes for.
    pub(super) fn unwatch(&mut self, user: UserId, watcher: &Watcher) {
        if self.watch.remove(user, watcher) {
            self.replica.release(user);
        }
    }

    /// What is known about the user of a number.
    pub(super) fn presence_of(&self, user: UserId) -> Option<Presence> {
        presence(&self.replica, &self.ring, user)
    }

    /// Users who are online, until they are `max` or as many bytes as a part has; and where the next page begins.
    pub(super) fn online(
        &self,
        after: Option<UserId>,
        max: usize,
    ) -> (Vec<Presence>, Option<UserId>) {
        let (page, is_end) = self.replica.online_page(after, max);
        let mut told = Telling::at_most(max, PART_BYTES);
        let mut left = page.iter();
        let mut last = None;
        while !told.is_full()
            && let Some(user) = left.next()
        {
            told.look();
            self.presence_of(*user)
                .into_iter()
                .for_each(|presence| told.push(presence));
            last = Some(*user);
        }
        let is_all = is_end && left.len() == 0;
        (told.into_users(), last.filter(|_| !is_all))
    }

    /// What is known about users, and how replicas vote for them.
    ///
    /// # Errors
    /// It takes more than about so many bytes.
    pub(super) fn presences(
        &self,
        users: &[User],
        bytes_max: usize,
    ) -> Result<Vec<(Presence, Vote)>, Error> {
        let mut bytes = 0;
        let tell = |user| {
            let presence = self.presence(user);
            bytes += presence.size_bytes();
            match bytes <= bytes_max {
                true => Ok((presence, self.replica.vote(user))),
                false => Err(Error::TooLarge),
            }
        };
        users.iter().map(tell).collect()
    }

    /// What is known about a user, who may have no number.
    pub(super) fn presence(&self, user: &User) -> Presence {
        let known = self.replica.id(user).and_then(|id| self.presence_of(id));
        known.unwrap_or_else(|| Presence {
            user: user.clone(),
            online: false,
            devices: Vec::new(),
            last_seen_unix_ms: self.replica.last_seen(user),
            version: self.ring.end(),
        })
    }
}

fn tell_monitor(slot: &Slot, what: What) {
    match what {
        What::Online => slot.set(true),
        What::Offline => slot.set(false),
        What::Devices => {}
    }
}

/// What is known about the user of a number.
pub(super) fn presence(replica: &Replica, ring: &Ring, id: UserId) -> Option<Presence> {
    let user = replica.user(id)?;
    let online = replica.is_online(id);
    let mut devices = replica.devices(id);
    devices.truncate(super::local::DEVICES_MAX);
    Some(Presence {
        user: user.clone(),
        online,
        devices,
        last_seen_unix_ms: (!online).then(|| replica.last_seen(user)).flatten(),
        version: ring.end(),
    })
}
