//! Who comes and goes, for those who follow all users.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::Roster;
use super::ring::{Kept, Ring};
use crate::cursor::Cursor;
use crate::origin::Origin;
use crate::replica::{UserId, What};
use crate::user::User;

/// How many events, or users of a reset, are told together at most.
const PART: usize = 1000;
/// A reader hears of its place at least every so many changes, also where none of them is an event.
const PLACE_CHANGES: u64 = 10_000;
/// A reader that was told something waits so long before it is told more, and takes all that came meanwhile at once.
const PAUSE: Duration = Duration::from_millis(2);

/// A user came online or went offline. (user, origin, seq, online) is its id, on every replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Who.
    pub user: User,
    /// What they are now.
    pub online: bool,
    /// Whose vote made the difference.
    pub origin: Origin,
    /// Which of its votes.
    pub seq: u64,
    /// When, in milliseconds since the Unix epoch.
    pub at_unix_ms: i64,
}

/// What a reader is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// These are online, whatever was told before. With the last part comes a cursor: who was in no part is offline.
    Reset(Vec<User>, Option<Cursor>),
    /// What happened, as this replica saw it; there may be nothing. A reader would go on at the cursor.
    Events(Vec<Event>, Cursor),
}

/// Where a reader is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// On its way through all users, which began behind so many changes.
    Reset { begin: u64, after: Option<UserId> },
    /// Behind so many changes.
    Live(u64),
}

/// A reader.
#[derive(Debug)]
pub struct Events {
    roster: Arc<Roster>,
    /// How many changes there are.
    ends: watch::Receiver<u64>,
    place: Place,
    told_at: Instant,
    told_position: u64,
}

/// What a look at the changes brought.
enum Look {
    Events(Vec<Event>, u64),
    /// Changes went out of the ring before they could be told.
    Lost,
}

impl Events {
    /// Begins behind a cursor, or with a reset if there is none that is known.
    pub(super) fn new(
        roster: Arc<Roster>,
        ends: watch::Receiver<u64>,
        cursor: Option<Cursor>,
    ) -> Self {
        let position = roster.act(|state, _| {
            let own = cursor.and_then(|cursor| state.own_position(&cursor));
            let known = own.filter(|position| state.ring.since(*position).is_some());
            known.ok_or(state.ring.end())
        });
        let (place, told_position) = match position {
            Ok(position) => (Place::Live(position), position),
            Err(begin) => (Place::Reset { begin, after: None }, begin),
        };
        Self {
            roster,
            ends,
            place,
            told_at: Instant::now() - PAUSE,
            told_position,
        }
    }

    /// What comes next, once it is there. Nothing is lost if the future is dropped.
    pub async fn next(&mut self) -> Told {
        loop {
            match self.place {
                Place::Reset { begin, after } => return self.reset(begin, after),
                Place::Live(position) => {
                    sleep_until(self.told_at + PAUSE).await;
                    if let Some(told) = self.follow(position).await {
                        return told;
                    }
                }
            }
        }
    }

    /// The next part of all who are online.
    fn reset(&mut self, begin: u64, after: Option<UserId>) -> Told {
        let (page, users, is_last) = self.roster.act(|state, _| {
            let (page, is_last) = state.replica.online_page(after, PART);
            let users = page.iter().filter_map(|id| state.replica.user(*id));
            (page.last().copied(), users.cloned().collect(), is_last)
        });
        if !is_last {
            self.place = Place::Reset { begin, after: page };
            return Told::Reset(users, None);
        }
        // What changed on the way is told behind it.
        Told::Reset(users, Some(self.tell(begin)))
    }

    /// The events behind a position, if there are any; waits otherwise.
    async fn follow(&mut self, position: u64) -> Option<Told> {
        let end = *self.ends.borrow_and_update();
        match self.roster.act(|state, _| look(&state.ring, position)) {
            Look::Lost => {
                self.place = Place::Reset {
                    begin: end,
                    after: None,
                };
                None
            }
            Look::Events(events, place) if !events.is_empty() => {
                Some(Told::Events(events, self.tell(place)))
            }
            Look::Events(_, place) if place - self.told_position >= PLACE_CHANGES => {
                Some(Told::Events(Vec::new(), self.tell(place)))
            }
            Look::Events(_, place) => {
                self.place = Place::Live(place);
                if place >= end {
                    // Its sender lives as long as the roster that we hold.
                    let _ = self.ends.changed().await;
                }
                None
            }
        }
    }

    fn tell(&mut self, position: u64) -> Cursor {
        self.place = Place::Live(position);
        self.told_position = position;
        self.told_at = Instant::now();
        self.roster.cursor(position)
    }
}

/// The next events behind a position, and where they end.
fn look(ring: &Ring, position: u64) -> Look {
    let Some(changes) = ring.since(position) else {
        return Look::Lost;
    };
    let mut place = position;
    let changes = changes.take(PART).inspect(|_| place += 1);
    let events = changes.filter_map(event).collect();
    Look::Events(events, place)
}

fn event(change: &Kept) -> Option<Event> {
    let online = match change.what {
        What::Online => true,
        What::Offline => false,
        What::Devices => return None,
    };
    Some(Event {
        user: change.user.clone(),
        online,
        origin: change.origin.clone(),
        seq: change.seq,
        at_unix_ms: change.at_unix_ms,
    })
}
