//! Who is connected here, and who wants to know.
//!
//! One lock around this replica's part in the cluster and all that is local: connections, whose sum for a user is
//! this replica's vote for them; graces that run; and those who are told of changes, each in a way that holds the
//! latest state and never a queue of them. Work on many users is done in parts, with the lock released in between.

mod connection;
mod connections;
mod events;
mod gauges;
mod graces;
mod held;
mod local;
mod monitor;
mod ring;
mod session;
mod sessions;
mod state;
mod telling;
mod watched;
mod watchers;
mod watching;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use muster_kit::clock::now_ns;
use tokio::sync::watch;

pub use self::connection::Connection;
pub use self::events::{Event, Events, Told};
use self::gauges::Counts;
pub use self::monitor::Monitor;
pub use self::ring::CHANGES_KEPT;
pub use self::session::{Arrival, CHUNK, Departure, Part, Session};
use self::state::State;
pub use self::watching::Watching;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::origin::Origin;
use crate::presence::Presence;
use crate::replica::{Now, Peer, Replica, UserId, Vote};
use crate::user::User;

/// What a roster takes on.
#[derive(Debug, Clone, Copy)]
pub struct RosterLimits {
    /// Connections of one user: exactly on this replica, on others as far as is known.
    pub connections_per_user: u32,
    /// Users whom one session watches.
    pub watched_per_session: usize,
}

impl Default for RosterLimits {
    fn default() -> Self {
        Self {
            connections_per_user: 1000,
            watched_per_session: 1_000_000,
        }
    }
}

/// The connections, monitors and sessions of one replica.
#[derive(Debug)]
pub struct Roster {
    started: Instant,
    state: Mutex<State>,
    /// Raised after own votes.
    voted: watch::Sender<u64>,
    /// How many changes there were.
    ends: watch::Sender<u64>,
}

impl Roster {
    /// An empty roster of the replica that votes as `me`.
    #[must_use]
    pub fn new(me: Origin, limits: RosterLimits) -> Arc<Self> {
        Arc::new(Self {
            started: Instant::now(),
            state: Mutex::new(State::new(me, limits)),
            voted: watch::Sender::new(0),
            ends: watch::Sender::new(0),
        })
    }

    /// Connects a user until the connection is dropped.
    ///
    /// # Errors
    /// The user has too many connections, or the replica is leaving.
    pub fn connect(self: &Arc<Self>, user: &User) -> Result<Connection, Error> {
        let user = self.act(|state, now| state.connect(user, now))?;
        Ok(Connection::new(Arc::clone(self), user))
    }

    /// Watches a user until the monitor is dropped.
    #[must_use]
    pub fn monitor(self: &Arc<Self>, user: &User) -> Monitor {
        let (user, slot) = self.act(|state, _| state.monitor(user));
        Monitor::new(Arc::clone(self), user, slot)
    }

    /// Opens a session, which ends when it is dropped.
    #[must_use]
    pub fn session(self: &Arc<Self>) -> Session {
        let (id, news) = self.act(|state, _| state.open_session());
        Session::new(Arc::clone(self), id, news)
    }

    /// Follows who comes and goes, from a cursor on.
    #[must_use]
    pub fn events(self: &Arc<Self>, cursor: Option<Cursor>) -> Events {
        Events::new(Arc::clone(self), self.ends.subscribe(), cursor)
    }

    /// What is known about users, and how replicas vote for them.
    ///
    /// # Errors
    /// It takes more than about so many bytes.
    pub fn presences(
        &self,
        users: &[User],
        bytes_max: usize,
    ) -> Result<Vec<(Presence, Vote)>, Error> {
        self.act(|state, _| state.presences(users, bytes_max))
    }

    /// Up to `max` users who are online, in a few hundred thousand bytes, and behind whom the next page begins, if
    /// there is one.
    #[must_use]
    pub fn online(&self, after: Option<UserId>, max: usize) -> (Vec<Presence>, Option<UserId>) {
        self.act(|state, _| state.online(after, max))
    }

    /// All replicas that are known, this one first.
    #[must_use]
    pub fn replicas(&self) -> Vec<Peer> {
        self.act(|state, _| state.replica.replicas())
    }

    /// A place of this replica: behind so many changes, say.
    #[must_use]
    pub fn cursor(&self, position: u64) -> Cursor {
        self.act(|state, _| state.cursor(position))
    }

    /// The position of a cursor of this replica; none: it is of another one, or of an earlier life of this one.
    #[must_use]
    pub fn own_position(&self, cursor: &Cursor) -> Option<u64> {
        self.act(|state, _| state.own_position(cursor))
    }

    /// Does something with the replica, and tells what that has changed.
    pub fn with_replica<T>(&self, f: impl FnOnce(&mut Replica, Now) -> T) -> T {
        self.act(|state, now| f(&mut state.replica, now))
    }

    /// Time passes. To be called each [`crate::replica::TICK_MS`].
    pub fn tick(&self) {
        self.act(State::tick);
    }

    /// Sets the gauges that count users, votes and whoever watches them.
    pub fn tell_counts(&self) {
        self.act(|state, _| Counts::of(state)).tell();
    }

    /// The replica is about to stop: its votes stay as they are from now on, whoever disconnects, and others are told
    /// to let its users move. Nobody can connect any more.
    pub fn leave(&self) {
        self.act(State::leave);
    }

    /// Raised whenever this replica has cast votes, or has something to announce.
    #[must_use]
    pub fn voted(&self) -> watch::Receiver<u64> {
        self.voted.subscribe()
    }

    fn forget_monitor(&self, user: UserId, slot: &Arc<monitor::Slot>) {
        self.act(|state, _| state.forget_monitor(user, slot));
    }

    /// Does something under the lock, and tells whoever has to know.
    fn act<T>(&self, f: impl FnOnce(&mut State, Now) -> T) -> T {
        // A panic under the lock would have been a bug, but cannot leave half a change behind.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let done = f(&mut state, self.now());
        state.settle();
        let has_voted = std::mem::take(&mut state.has_voted);
        let end = state.ring.end();
        drop(state);
        if has_voted {
            self.voted.send_modify(|count| *count += 1);
        }
        self.ends
            .send_if_modified(|known| std::mem::replace(known, end.max(*known)) < end);
        done
    }

    fn now(&self) -> Now {
        Now {
            ms: self.started.elapsed().as_millis() as u64,
            unix_ms: now_ns() / 1_000_000,
        }
    }
}

#[cfg(test)]
mod tests;
