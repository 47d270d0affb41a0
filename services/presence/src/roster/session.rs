//! A session: many users through one stream, who are online, or watched, or both.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::Roster;
use super::sessions::Ending;
use super::watching::Watching;
use crate::ballot::Device;
use crate::cursor::Cursor;
use crate::error::Error;
use crate::presence::Presence;
use crate::user::User;

/// So many users at most are worked on under one lock.
pub const CHUNK: usize = 512;

/// Tells sessions apart; a later one has a greater number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SessionId(u32);

impl SessionId {
    pub(super) const fn of(number: u32) -> Self {
        Self(number)
    }

    /// The one that is opened after this one.
    pub(super) const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// A device that is there, or has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Whose it is.
    pub user: User,
    /// What it tells.
    pub device: Device,
    /// How long its user stays when it goes without a word more.
    pub grace_ms: u32,
}

/// A device that has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departure {
    /// Whose it was.
    pub user: User,
    /// Its name.
    pub device: String,
    /// Whether the user means to go, so that no grace holds.
    pub at_once: bool,
}

/// A part of what a session is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What is known of some users, each at most once.
    pub users: Vec<Presence>,
    /// All changes up to here are told.
    pub cursor: Cursor,
    /// Whether there is no more just now.
    pub is_last: bool,
}

/// Many users through one stream. When it is dropped, its devices disconnect, each with its grace.
#[derive(Debug)]
pub struct Session {
    roster: Arc<Roster>,
    id: SessionId,
    news: Arc<Notify>,
}

impl Session {
    pub(super) fn new(roster: Arc<Roster>, id: SessionId, news: Arc<Notify>) -> Self {
        Self { roster, id, news }
    }

    /// Connects devices, or changes what they tell; what became of each.
    #[must_use]
    pub fn connect(&self, arrivals: Vec<Arrival>) -> Vec<Result<(), Error>> {
        let session = self.id;
        self.roster.act(|state, now| {
            let arrivals = arrivals.into_iter();
            let done = arrivals.map(|arrival| state.arrive(session, arrival, now));
            done.collect()
        })
    }

    /// Disconnects devices. Those that are not there are passed over.
    pub fn disconnect(&self, departures: &[Departure]) {
        self.roster.act(|state, now| {
            for departure in departures {
                state.depart(self.id, departure, now);
            }
        });
    }

    /// Begins to watch users: of those whom the cursor stands for, only the changes since are told. With `replace` the
    /// session watches nobody else, once [`Session::forget_replaced`] has nothing more to do.
    #[must_use]
    pub fn begin_watch(&self, cursor: Option<Cursor>, replace: bool) -> Watching {
        self.roster.act(|state, _| {
            if replace {
                state.replace(self.id);
            }
            Watching::new(cursor.and_then(|cursor| state.resume(&cursor)))
        })
    }

    /// Watches users; whether each of them may be.
    #[must_use]
    pub fn watch(&self, watching: &mut Watching, users: &[User]) -> Vec<Result<(), Error>> {
        self.roster.act(|state, _| {
            watching.follow(&state.ring);
            let users = users.iter();
            let done = users.map(|user| state.watch_for(self.id, watching, user));
            done.collect()
        })
    }

    /// Forgets some of those who were replaced; whether there may be more.
    #[must_use]
    pub fn forget_replaced(&self) -> bool {
        self.roster
            .act(|state, _| state.forget_replaced(self.id, CHUNK))
    }

    /// Watches these users no more.
    pub fn unwatch(&self, users: &[User]) {
        self.roster.act(|state, _| {
            for user in users {
                state.unwatch_for(self.id, user);
            }
        });
    }

    /// The next part of the users who are newly watched.
    #[must_use]
    pub fn snapshot(&self, watching: &mut Watching) -> Option<Part> {
        self.roster
            .act(|state, _| state.snapshot(self.id, watching))
    }

    /// Who is another than last told, if anybody is.
    #[must_use]
    pub fn changes(&self) -> Option<Part> {
        loop {
            let part = self.roster.act(|state, _| state.changes(self.id))?;
            match part {
                part if !part.users.is_empty() => return Some(part),
                part if part.is_last => return None,
                // Among those who were looked at, nobody was another; there are more.
                _ => {}
            }
        }
    }

    /// Waits until there may be changes that have not been looked at.
    pub async fn changed(&self) {
        self.news.notified().await;
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(ending) = self.roster.act(|state, _| state.end_session(self.id)) else {
            return;
        };
        let roster = Arc::clone(&self.roster);
        match Handle::try_current() {
            // A task that drops its session should not keep its thread from others for long.
            Ok(runtime) if ending.is_long() => {
                drop(runtime.spawn_blocking(move || end(&roster, ending)))
            }
            _ => end(&roster, ending),
        }
    }
}

/// Does all that is left to do for a session, with pauses for others.
fn end(roster: &Roster, mut ending: Ending) {
    while roster.act(|state, now| state.go_on_ending(&mut ending, CHUNK, now)) {}
}
