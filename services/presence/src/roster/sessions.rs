//! What sessions do to the state of the roster.

use std::sync::Arc;

use tokio::sync::Notify;

use super::connections::Going;
use super::held::{Held, Holding};
use super::session::{Part, SessionId};
use super::state::{State, presence};
use super::telling::{PART_BYTES, PART_USERS, Telling};
use super::watched::{Told, Watched};
use super::watchers::Watcher;
use super::watching::{Resume, Watching};
use crate::cursor::Cursor;
use crate::error::Error;
use crate::replica::{Change, Now, UserId};
use crate::user::User;

/// Up to this size a session is ended where it is dropped.
const SHORT: usize = 1000;

/// A session that is open.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) news: Arc<Notify>,
    pub(super) held: Held,
    pub(super) watched: Watched,
}

impl Open {
    pub(super) fn note(&mut self, change: &Change, position: u64) {
        if self.watched.note(change.user, change.what, position) {
            self.news.notify_one();
        }
    }
}

/// A session that has ended, and what is left of it.
pub(super) struct Ending {
    session: SessionId,
    users: usize,
    devices: Box<dyn Iterator<Item = (UserId, Box<str>, Holding)> + Send>,
    watched: Box<dyn Iterator<Item = UserId> + Send>,
}

impl Ending {
    /// Whether there is much to do.
    pub(super) fn is_long(&self) -> bool {
        self.users > SHORT
    }
}

impl State {
    /// Opens a session.
    pub(super) fn open_session(&mut self) -> (SessionId, Arc<Notify>) {
        // After four thousand million sessions the numbers of those that are still open are passed over.
        while self.sessions.contains_key(&self.next_session) {
            self.next_session = self.next_session.next();
        }
        let session = self.next_session;
        self.next_session = session.next();
        let open = self.sessions.entry(session).or_default();
        (session, Arc::clone(&open.news))
    }

    /// Closes a session; [`State::go_on_ending`] does what is left.
    pub(super) fn end_session(&mut self, session: SessionId) -> Option<Ending> {
        let Open { held, watched, .. } = self.sessions.remove(&session)?;
        Some(Ending {
            session,
            users: held.len() + watched.len(),
            devices: Box::new(held.into_all()),
            watched: Box::new(watched.into_all()),
        })
    }

    /// Ends a session for some more of its users; whether there are more.
    pub(super) fn go_on_ending(&mut self, ending: &mut Ending, max: usize, now: Now) -> bool {
        let session = ending.session;
        let mut done = 0;
        for (user, name, Holding { grace_ms, tells }) in ending.devices.by_ref().take(max) {
            let going = Going {
                grace_ms,
                told: tells.then_some((session, &name)),
                at_once: false,
            };
            self.lose(user, going, now);
            done += 1;
        }
        for user in ending.watched.by_ref().take(max - done) {
            self.unwatch(user, &Watcher::Session(session));
            done += 1;
        }
        done == max
    }

    /// The session watches nobody but those whom it watches from now on.
    pub(super) fn replace(&mut self, session: SessionId) {
        if let Some(open) = self.sessions.get_mut(&session) {
            open.watched.replace();
        }
    }

    /// Forgets some of those who were replaced; whether there may be more.
    pub(super) fn forget_replaced(&mut self, session: SessionId, max: usize) -> bool {
        for _ in 0..max {
            let open = self.sessions.get_mut(&session);
            let Some(user) = open.and_then(|open| open.watched.next_replaced()) else {
                return false;
            };
            self.unwatch(user, &Watcher::Session(session));
        }
        true
    }

    /// What a cursor stands for, if it is known here.
    pub(super) fn resume(&self, cursor: &Cursor) -> Option<Resume> {
        Resume::since(&self.ring, self.own_position(cursor)?)
    }

    /// The session watches a user.
    ///
    /// # Errors
    /// It watches too many.
    pub(super) fn watch_for(
        &mut self,
        session: SessionId,
        watching: &mut Watching,
        name: &User,
    ) -> Result<(), Error> {
        let max = self.limits.watched_per_session;
        let Some(open) = self.sessions.get_mut(&session) else {
            return Ok(());
        };
        let known = self.replica.id(name);
        if open.watched.len() >= max && !known.is_some_and(|id| open.watched.has(id)) {
            return Err(Error::TooManyWatched { max });
        }
        let user = known.unwrap_or_else(|| self.replica.intern(name));
        open.watched.add(user);
        self.watch.add(user, Watcher::Session(session));
        if watching.is_news(name) {
            watching.push(user);
        } else if let Some(presence) = presence(&self.replica, &self.ring, user) {
            open.watched.tell(user, Told::of(&presence));
        }
        Ok(())
    }

    /// The session watches a user no more, if it did.
    pub(super) fn unwatch_for(&mut self, session: SessionId, user: &User) {
        let Some(user) = self.replica.id(user) else {
            return;
        };
        let open = self.sessions.get_mut(&session);
        if open.is_some_and(|open| open.watched.remove(user)) {
            self.unwatch(user, &Watcher::Session(session));
        }
    }

    /// The next part of those who are newly watched.
    pub(super) fn snapshot(&mut self, session: SessionId, watching: &mut Watching) -> Option<Part> {
        let open = self.sessions.get_mut(&session)?;
        let mut told = Telling::at_most(PART_USERS, PART_BYTES);
        while !told.is_full()
            && let Some(user) = watching.pop()
        {
            told.look();
            // Meanwhile the client may have thought better of it.
            if open.watched.has(user)
                && let Some(presence) = presence(&self.replica, &self.ring, user)
            {
                open.watched.tell(user, Told::of(&presence));
                told.push(presence);
            }
        }
        let position = open.watched.position(self.ring.end());
        Some(Part {
            users: told.into_users(),
            cursor: self.cursor(position),
            is_last: watching.is_empty(),
        })
    }

    /// Who is another than the session was last told.
    pub(super) fn changes(&mut self, session: SessionId) -> Option<Part> {
        let open = self.sessions.get_mut(&session)?;
        let mut told = Telling::at_most(PART_USERS, PART_BYTES);
        while !told.is_full()
            && let Some(user) = open.watched.next_due()
        {
            told.look();
            if let Some(presence) = presence(&self.replica, &self.ring, user)
                && open.watched.tell_news(user, Told::of(&presence))
            {
                told.push(presence);
            }
        }
        let is_last = open.watched.is_nobody_due();
        let position = open.watched.position(self.ring.end());
        Some(Part {
            users: told.into_users(),
            cursor: self.cursor(position),
            is_last,
        })
    }
}
