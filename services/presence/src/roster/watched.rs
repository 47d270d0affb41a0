//! Whom one session watches, and what it was told.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::presence::Presence;
use crate::replica::{UserId, What};

/// Numbers of users that may stand in the queue more than once, before it is looked through.
const STALE_MAX: usize = 1024;

/// What a session was last told of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Told {
    /// Nothing yet: its snapshot is under way.
    #[default]
    Nothing,
    Offline,
    /// Online, without anything else to tell.
    Online,
    /// Online, with devices.
    Devices,
}

impl Told {
    /// What this tells.
    pub(super) fn of(presence: &Presence) -> Self {
        match presence.online {
            false => Told::Offline,
            true if presence.devices.is_empty() => Told::Online,
            true => Told::Devices,
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    told: Told,
    /// Whether the user stands in the queue.
    is_due: bool,
    /// Whether they are to be told even if the value is the one told last.
    is_other: bool,
}

impl Seen {
    fn of(told: Told) -> Self {
        Self {
            told,
            ..Self::default()
        }
    }
}

/// Whom a session watches. Whoever changed stands in a queue, once, whatever else changes until they are told: so
/// a slow client is told the latest state, and nothing grows beyond the set.
#[derive(Debug, Default)]
pub(super) struct Watched {
    users: HashMap<UserId, Seen>,
    /// Who is due, and the position of the change since which.
    due: VecDeque<(UserId, u64)>,
    /// Whom a request is about to replace.
    replaced: Vec<UserId>,
}

impl Watched {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.users.len()
    }

    /// Whether the user is among them.
    pub(super) fn has(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// Adds a user, who is to be told by a snapshot.
    pub(super) fn add(&mut self, user: UserId) {
        self.users.entry(user).or_default();
    }

    /// Removes a user; whether they were there.
    pub(super) fn remove(&mut self, user: UserId) -> bool {
        let removed = self.users.remove(&user).is_some();
        if self.due.len() > self.users.len() + STALE_MAX {
            self.forget_stale();
        }
        removed
    }

    /// Begins anew; whoever is not added again stays among the replaced.
    pub(super) fn replace(&mut self) {
        let users = std::mem::take(&mut self.users);
        self.replaced.extend(users.into_keys());
        self.due.clear();
    }

    /// The next one who was replaced, and not added again.
    pub(super) fn next_replaced(&mut self) -> Option<UserId> {
        loop {
            let user = self.replaced.pop()?;
            if !self.has(user) {
                return Some(user);
            }
        }
    }

    /// Notes a change behind `position`; whether somebody is due who was not.
    pub(super) fn note(&mut self, user: UserId, what: What, position: u64) -> bool {
        let Some(seen) = self.users.get_mut(&user) else {
            return false;
        };
        if seen.told == Told::Nothing {
            return false;
        }
        // Who went and came back may have come with other devices.
        seen.is_other |= what == What::Devices || seen.told == Told::Devices;
        if seen.is_due {
            return false;
        }
        seen.is_due = true;
        self.due.push_back((user, position));
        true
    }

    /// Takes out the next one who may be due. They are, if [`Watched::tell_news`] says so.
    pub(super) fn next_due(&mut self) -> Option<UserId> {
        self.due.pop_front().map(|(user, _)| user)
    }

    /// Whether this is to be told of a user who was taken out of the queue; then it counts as told.
    pub(super) fn tell_news(&mut self, user: UserId, told: Told) -> bool {
        let Some(seen) = self.users.get_mut(&user).filter(|seen| seen.is_due) else {
            return false;
        };
        let is_news = seen.is_other || seen.told != told;
        *seen = Seen::of(told);
        is_news
    }

    /// The user is told by a snapshot, or known as they are.
    pub(super) fn tell(&mut self, user: UserId, told: Told) {
        if let Some(seen) = self.users.get_mut(&user) {
            *seen = Seen::of(told);
        }
    }

    /// Whether the queue is empty.
    pub(super) fn is_nobody_due(&self) -> bool {
        self.due.is_empty()
    }

    /// All changes up to here are told, where `end` is behind the latest change of anybody.
    pub(super) fn position(&self, end: u64) -> u64 {
        self.due.front().map_or(end, |(_, position)| *position)
    }

    /// All of them, those replaced included.
    pub(super) fn into_all(self) -> impl Iterator<Item = UserId> {
        self.users.into_keys().chain(self.replaced)
    }

    /// Who was removed and added again may stand in the queue twice.
    fn forget_stale(&mut self) {
        let mut met = HashSet::new();
        let users = &self.users;
        self.due.retain(|(user, _)| {
            users.get(user).is_some_and(|seen| seen.is_due) && met.insert(*user)
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::tests::{ids, replica};

    /// Users who are watched, and known to be offline.
    fn watched<const N: usize>() -> (Watched, [UserId; N]) {
        let (mut watched, users) = (Watched::default(), ids(&mut replica()));
        for user in users {
            watched.add(user);
            watched.tell(user, Told::Offline);
        }
        (watched, users)
    }

    /// Who would be told, where all are this.
    fn news(watched: &mut Watched, told: Told) -> Vec<UserId> {
        let mut news = Vec::new();
        while let Some(user) = watched.next_due() {
            news.extend(watched.tell_news(user, told).then_some(user));
        }
        news
    }

    #[test]
    fn who_changes_often_is_told_once() {
        let (mut watched, [albert, berta]) = watched();
        for (position, what) in [What::Online, What::Offline, What::Online]
            .iter()
            .enumerate()
        {
            watched.note(albert, *what, position as u64);
            watched.note(berta, *what, position as u64);
        }
        assert_eq!(watched.due.len(), 2);
        assert_eq!(news(&mut watched, Told::Online), [albert, berta]);
    }

    #[test]
    fn changes_that_cancel_out_are_not_told_unless_devices_may_be_others() {
        let (mut watched, [albert]) = watched();
        let flap = |watched: &mut Watched| {
            watched.note(albert, What::Online, 0);
            watched.note(albert, What::Offline, 1);
        };
        flap(&mut watched);
        assert_eq!(news(&mut watched, Told::Offline), []);
        watched.note(albert, What::Devices, 2);
        assert_eq!(news(&mut watched, Told::Devices), [albert]);
        flap(&mut watched);
        assert_eq!(news(&mut watched, Told::Devices), [albert]);
    }

    #[test]
    fn before_its_snapshot_a_user_is_not_due() {
        let (mut watched, [albert]) = watched();
        watched.remove(albert);
        watched.add(albert);
        assert!(!watched.note(albert, What::Online, 0));
        assert_eq!(watched.next_due(), None);
    }

    #[test]
    fn the_position_is_that_of_the_first_change_that_is_not_told() {
        let (mut watched, [albert, berta]) = watched();
        assert_eq!(watched.position(7), 7);
        watched.note(albert, What::Online, 3);
        watched.note(berta, What::Online, 5);
        watched.note(albert, What::Offline, 6);
        assert_eq!(watched.position(7), 3);
        watched.next_due();
        assert_eq!(watched.position(7), 5);
    }

    #[test]
    fn the_queue_does_not_grow_beyond_the_set() {
        let (mut watched, [albert, berta]) = watched();
        for position in 0..10_000 {
            watched.note(albert, What::Online, position);
            watched.remove(albert);
            watched.add(albert);
            watched.tell(albert, Told::Offline);
        }
        assert!(watched.due.len() <= STALE_MAX + 2, "{}", watched.due.len());
        watched.note(berta, What::Online, 10_000);
        watched.note(albert, What::Online, 10_001);
        let mut told = news(&mut watched, Told::Online);
        told.sort();
        assert_eq!(told, [albert, berta]);
    }

    #[test]
    fn who_is_not_added_again_is_replaced() {
        let (mut watched, [albert, berta, carl]) = watched();
        watched.replace();
        watched.add(berta);
        let mut replaced: Vec<_> = std::iter::from_fn(|| watched.next_replaced()).collect();
        replaced.sort();
        assert_eq!(replaced, [albert, carl]);
        assert_eq!(watched.into_all().collect::<Vec<_>>(), [berta]);
    }
}
