//! Who wants to know about whom.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::monitor::Slot;
use super::session::SessionId;
use crate::replica::UserId;

/// Who wants to know about a user.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Watcher {
    /// A session, among many others of its users.
    Session(SessionId),
    /// A monitor of this user alone.
    Monitor(Arc<Slot>),
}

/// All watchers of a user. Most users have one, so that this takes no more room than one; a
/// user who has 100,000 loses each of them at once.
#[derive(Debug)]
// The box keeps it at 16 bytes.
#[allow(clippy::box_collection)]
enum Watchers {
    One(Watcher),
    Many(Box<HashSet<Watcher>>),
}

/// All watchers of all users; nobody is kept whom no one watches.
#[derive(Debug, Default)]
pub(super) struct Watch {
    users: HashMap<UserId, Watchers>,
}

impl Watch {
    /// Adds a watcher; again changes nothing.
    pub(super) fn add(&mut self, user: UserId, watcher: Watcher) {
        match self.users.entry(user) {
            Entry::Occupied(entry) => entry.into_mut().add(watcher),
            Entry::Vacant(entry) => drop(entry.insert(Watchers::One(watcher))),
        }
    }

    /// Removes a watcher; whether the user has none left.
    pub(super) fn remove(&mut self, user: UserId, watcher: &Watcher) -> bool {
        let Entry::Occupied(mut entry) = self.users.entry(user) else {
            return true;
        };
        let is_last = entry.get_mut().remove(watcher);
        if is_last {
            entry.remove();
        }
        is_last
    }

    /// Whether anybody watches the user.
    pub(super) fn is_watched(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    /// Does something for each watcher of a user.
    pub(super) fn each(&self, user: UserId, f: impl FnMut(&Watcher)) {
        match self.users.get(&user) {
            Some(Watchers::One(watcher)) => std::iter::once(watcher).for_each(f),
            Some(Watchers::Many(watchers)) => watchers.iter().for_each(f),
            None => {}
        }
    }
}

impl Watchers {
    fn add(&mut self, watcher: Watcher) {
        match self {
            Watchers::One(known) if *known == watcher => {}
            Watchers::One(known) => {
                *self = Watchers::Many(Box::new(HashSet::from([known.clone(), watcher])));
            }
            Watchers::Many(watchers) => drop(watchers.insert(watcher)),
        }
    }

    /// Whether it was the last one.
    fn remove(&mut self, watcher: &Watcher) -> bool {
        match self {
            Watchers::One(known) => known == watcher,
            Watchers::Many(watchers) => {
                watchers.remove(watcher);
                let single = (watchers.len() == 1).then(|| watchers.drain().next());
                if let Some(last) = single.flatten() {
                    *self = Watchers::One(last);
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user() -> UserId {
        crate::roster::tests::replica().intern(&crate::roster::tests::user("Albert"))
    }

    fn count(watch: &Watch, user: UserId) -> usize {
        let mut count = 0;
        watch.each(user, |_| count += 1);
        count
    }

    #[test]
    fn each_watcher_is_one_whatever_the_order() {
        let (mut watch, albert) = (Watch::default(), user());
        let slots: Vec<_> = (0..3).map(|_| Watcher::Monitor(Arc::default())).collect();
        let session = Watcher::Session(SessionId::of(1));
        let all: Vec<_> = slots.into_iter().chain([session]).collect();
        for watcher in all.iter().chain(&all) {
            watch.add(albert, watcher.clone());
        }
        assert_eq!(count(&watch, albert), 4);
        for (at, watcher) in all.iter().enumerate() {
            assert_eq!(watch.remove(albert, watcher), at == 3);
            assert_eq!(count(&watch, albert), 3 - at);
        }
        assert!(!watch.is_watched(albert) && watch.users.is_empty());
    }

    #[test]
    fn what_does_not_watch_takes_nothing_away() {
        let (mut watch, albert) = (Watch::default(), user());
        watch.add(albert, Watcher::Monitor(Arc::default()));
        assert!(!watch.remove(albert, &Watcher::Monitor(Arc::default())));
        assert!(watch.is_watched(albert));
    }
}
