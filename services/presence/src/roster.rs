//! Who is connected here, and who wants to know.
//!
//! This replica votes for a user while it holds at least one [`Connection`] of theirs. A
//! [`Monitor`] sees the latest value of a user and never a queue of them: a slow reader skips
//! what is over, and nothing grows. What nobody needs any more is removed.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::user::User;
use crate::vote::{Change, Origin, Votes};

/// The connections and monitors of one replica.
#[derive(Debug)]
pub struct Roster {
    origin: Origin,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    votes: Votes,
    /// Connections of each user; none is no entry.
    connections: HashMap<User, usize>,
    /// Only users who are monitored.
    monitored: HashMap<User, Monitored>,
}

#[derive(Debug)]
struct Monitored {
    online: watch::Sender<bool>,
    monitors: usize,
}

impl Roster {
    /// An empty roster of the replica that votes as `origin`.
    #[must_use]
    pub fn new(origin: Origin) -> Arc<Self> {
        Arc::new(Self {
            origin,
            state: Mutex::default(),
        })
    }

    /// Connects a user until the connection is dropped.
    #[must_use]
    pub fn connect(self: &Arc<Self>, user: User) -> Connection {
        let mut state = self.lock();
        let connections = state.connections.entry(user.clone()).or_default();
        *connections += 1;
        if *connections == 1 {
            state.vote(&self.origin, &user, true);
        }
        drop(state);
        Connection {
            roster: Arc::clone(self),
            user,
        }
    }

    /// Watches a user until the monitor is dropped.
    #[must_use]
    pub fn monitor(self: &Arc<Self>, user: User) -> Monitor {
        let mut state = self.lock();
        let online = state.votes.online(&user);
        let monitored = state.monitored.entry(user.clone());
        let monitored = monitored.or_insert_with(|| Monitored {
            online: watch::Sender::new(online),
            monitors: 0,
        });
        monitored.monitors += 1;
        let online = monitored.online.subscribe();
        drop(state);
        Monitor {
            roster: Arc::clone(self),
            user,
            online,
            told: None,
        }
    }

    /// A panic under the lock would have been a bug, but cannot leave half a change behind.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn disconnect(&self, user: &User) {
        let mut state = self.lock();
        if subtract(&mut state.connections, user) {
            state.vote(&self.origin, user, false);
        }
    }

    fn forget_monitor(&self, user: &User) {
        let mut state = self.lock();
        let Some(monitored) = state.monitored.get_mut(user) else {
            return;
        };
        monitored.monitors -= 1;
        if monitored.monitors == 0 {
            state.monitored.remove(user);
        }
    }
}

impl State {
    /// Own votes take the way of all votes: a delta, applied.
    fn vote(&mut self, origin: &Origin, user: &User, yes: bool) {
        if let Some(delta) = self.votes.ballot(origin, user, yes) {
            self.votes
                .apply(&delta)
                .changes
                .iter()
                .for_each(|change| self.tell(change));
        }
    }

    fn tell(&self, change: &Change) {
        if let Some(monitored) = self.monitored.get(&change.user) {
            monitored.online.send_replace(change.online);
        }
    }
}

/// Takes one away; whether it was the last.
fn subtract(counts: &mut HashMap<User, usize>, user: &User) -> bool {
    let Entry::Occupied(mut count) = counts.entry(user.clone()) else {
        return false;
    };
    *count.get_mut() -= 1;
    let was_last = *count.get() == 0;
    if was_last {
        count.remove();
    }
    was_last
}

/// A device of a user; dropping it disconnects it.
#[derive(Debug)]
pub struct Connection {
    roster: Arc<Roster>,
    user: User,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.roster.disconnect(&self.user);
    }
}

/// Somebody who wants to know whether a user is online.
#[derive(Debug)]
pub struct Monitor {
    roster: Arc<Roster>,
    user: User,
    online: watch::Receiver<bool>,
    told: Option<bool>,
}

impl Monitor {
    /// Whether the user is online: the present value the first time, then whenever it is
    /// another than the one returned before. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Option<bool> {
        loop {
            let online = *self.online.borrow_and_update();
            if self.told != Some(online) {
                self.told = Some(online);
                return self.told;
            }
            self.online.changed().await.ok()?;
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.roster.forget_monitor(&self.user);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn roster() -> Arc<Roster> {
        Roster::new(Origin {
            replica: "here".into(),
            incarnation: 1,
        })
    }

    fn user(name: &str) -> User {
        User::parse(name).unwrap()
    }

    /// What a monitor would be told right now.
    fn news(monitor: &mut Monitor) -> Option<bool> {
        match pin!(monitor.next()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(online) => Some(online.unwrap()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_monitor_is_told_the_present_value_and_then_each_change() {
        let roster = roster();
        let mut before = roster.monitor(user("Albert"));
        assert_eq!((news(&mut before), news(&mut before)), (Some(false), None));
        let connection = roster.connect(user("Albert"));
        assert_eq!((news(&mut before), news(&mut before)), (Some(true), None));
        let mut after = roster.monitor(user("Albert"));
        assert_eq!((news(&mut after), news(&mut after)), (Some(true), None));
        drop(connection);
        assert_eq!(
            (news(&mut before), news(&mut after)),
            (Some(false), Some(false))
        );
    }

    #[test]
    fn a_second_device_is_silent_and_the_last_to_leave_counts() {
        let roster = roster();
        let mut monitor = roster.monitor(user("Albert"));
        let phone = roster.connect(user("Albert"));
        assert_eq!((news(&mut monitor), news(&mut monitor)), (Some(true), None));
        let laptop = roster.connect(user("Albert"));
        drop(phone);
        assert_eq!(news(&mut monitor), None);
        drop(laptop);
        assert_eq!(news(&mut monitor), Some(false));
    }

    #[test]
    fn users_do_not_mix() {
        let roster = roster();
        let _connection = roster.connect(user("Albert"));
        assert_eq!(news(&mut roster.monitor(user("albert"))), Some(false));
        assert_eq!(news(&mut roster.monitor(user("Albert"))), Some(true));
    }

    #[test]
    fn a_slow_monitor_is_told_the_latest_value_and_never_the_same_twice() {
        let roster = roster();
        let mut monitor = roster.monitor(user("Albert"));
        assert_eq!(news(&mut monitor), Some(false));
        for _ in 0..1000 {
            drop(roster.connect(user("Albert")));
        }
        assert_eq!(news(&mut monitor), None, "offline again, as it was told");
        let _connection = roster.connect(user("Albert"));
        assert_eq!((news(&mut monitor), news(&mut monitor)), (Some(true), None));
    }

    #[test]
    fn nothing_is_kept_of_whom_nobody_needs() {
        let roster = roster();
        for round in 0..100 {
            let user = user(&format!("user-{round}"));
            let monitors = [roster.monitor(user.clone()), roster.monitor(user.clone())];
            let connections = [roster.connect(user.clone()), roster.connect(user)];
            drop((connections, monitors));
        }
        let state = roster.lock();
        assert!(state.connections.is_empty() && state.monitored.is_empty());
        let votes: Vec<_> = state.votes.snapshots().collect();
        assert_eq!(
            (votes.len(), votes[0].users.len(), votes[0].seq),
            (1, 0, 200)
        );
    }

    #[test]
    fn after_any_number_of_threads_the_roster_is_empty_and_true() {
        let roster = roster();
        let mut monitor = roster.monitor(user("Albert"));
        std::thread::scope(|threads| {
            for _ in 0..4 {
                threads.spawn(|| {
                    for _ in 0..1000 {
                        let _connection = roster.connect(user("Albert"));
                        let _monitor = roster.monitor(user("Albert"));
                    }
                });
            }
        });
        assert_eq!(news(&mut monitor), Some(false));
        assert_eq!(roster.lock().monitored[&user("Albert")].monitors, 1);
    }
}
