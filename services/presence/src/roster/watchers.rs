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

/// All watchers of a user who has others than one session. A user who has 100,000 loses each of them at once.
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
    /// Those who are watched by one session alone, which may be a million: 8 bytes and a place in a table.
    alone: HashMap<UserId, SessionId>,
    others: HashMap<UserId, Watchers>,
}

impl Watch {
    /// Adds a watcher; again changes nothing.
    pub(super) fn add(&mut self, user: UserId, watcher: Watcher) {
        if let Some(watchers) = self.others.get_mut(&user) {
            return watchers.add(watcher);
        }
        match (self.alone.entry(user), watcher) {
            (Entry::Vacant(entry), Watcher::Session(session)) => drop(entry.insert(session)),
            (Entry::Vacant(_), watcher) => drop(self.others.insert(user, Watchers::One(watcher))),
            (Entry::Occupied(entry), watcher) => {
                let mut watchers = Watchers::One(Watcher::Session(entry.remove()));
                watchers.add(watcher);
                self.others.insert(user, watchers);
            }
        }
    }

    /// Removes a watcher; whether the user has none left.
    pub(super) fn remove(&mut self, user: UserId, watcher: &Watcher) -> bool {
        if let Some(session) = self.alone.get(&user) {
            let is_last = Watcher::Session(*session) == *watcher;
            if is_last {
                self.alone.remove(&user);
            }
            return is_last;
        }
        let watchers = self.others.get_mut(&user);
        let is_last = watchers.is_none_or(|watchers| watchers.remove(watcher));
        if is_last {
            self.others.remove(&user);
        }
        is_last
    }

    /// Whether anybody watches the user.
    pub(super) fn is_watched(&self, user: UserId) -> bool {
        self.alone.contains_key(&user) || self.others.contains_key(&user)
    }

    /// Does something for each watcher of a user.
    pub(super) fn each(&self, user: UserId, mut f: impl FnMut(&Watcher)) {
        if let Some(session) = self.alone.get(&user) {
            return f(&Watcher::Session(*session));
        }
        match self.others.get(&user) {
            Some(Watchers::One(watcher)) => f(watcher),
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
        assert!(!watch.is_watched(albert) && watch.others.is_empty());
    }

    #[test]
    fn a_user_whom_one_session_watches_may_be_watched_by_more() {
        let (mut watch, albert) = (Watch::default(), user());
        let [one, two] = [1, 2].map(|id| Watcher::Session(SessionId::of(id)));
        watch.add(albert, one.clone());
        watch.add(albert, one.clone());
        assert_eq!(count(&watch, albert), 1);
        assert!(!watch.remove(albert, &two));
        watch.add(albert, two.clone());
        assert_eq!(count(&watch, albert), 2);
        assert!(!watch.remove(albert, &one));
        assert!(watch.remove(albert, &two));
        watch.add(albert, one.clone());
        assert!(watch.remove(albert, &one) && !watch.is_watched(albert));
    }

    #[test]
    fn what_does_not_watch_takes_nothing_away() {
        let (mut watch, albert) = (Watch::default(), user());
        watch.add(albert, Watcher::Monitor(Arc::default()));
        assert!(!watch.remove(albert, &Watcher::Monitor(Arc::default())));
        assert!(watch.is_watched(albert));
    }
}
