//! Tails: the events of a selection from a cursor on, first from the disk and then as they come.

mod places;

use std::sync::Arc;
use std::time::Duration;

use metrics::gauge;
use muster_kit::metrics::{Observed, observe};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::cursor::{Cursor, Reset};
use crate::error::Error;
use crate::event::Event;
use crate::recent::Recent;
use crate::selection::Selection;
use crate::store::{Store, Window};
use places::{Place, Places};

/// A reader hears of its place at least every so many positions, also where none of them is
/// selected: it would look at all of them once more otherwise when it comes back.
const PLACE_POSITIONS: i64 = 10_000;

/// A reader that was told something waits so long before it is told more, and takes all that came
/// meanwhile at once: where every commit is told to each of many readers, telling costs more than
/// committing. One that was told nothing lately does not wait.
const PAUSE: Duration = Duration::from_millis(1);

/// What a tail tells.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// Events; there may be none. A tail would go on at the cursor.
    Batch(Vec<Arc<Event>>, Cursor),
    /// All that was there at the beginning has been told.
    Live(Cursor),
    /// The cursor could not be used, and the tail begins at the first position to be had; or
    /// events were removed before they could be told.
    Reset(Reset),
}

/// Asks for a tail.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which events.
    pub selection: Selection,
    /// Where to begin.
    pub begin: Begin,
    /// Whether to go on when all that is there has been told.
    pub follow: bool,
}

/// Where a tail begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// At the first event.
    First,
    /// With what comes.
    End,
    /// Behind this cursor.
    Behind(Cursor),
}

/// The way to the events that tails share.
#[derive(Debug, Clone)]
pub struct Feed {
    store: Store,
    recent: Arc<Recent>,
    places: Places,
    _observed: Arc<Observed>,
}

impl Feed {
    /// The events of this store.
    pub fn new(store: Store) -> Feed {
        let recent = Arc::new(Recent::new(store.clone()));
        let places = Places::default();
        let observed = observe({
            let (places, newest) = (places.clone(), store.watch());
            move || {
                let (tails, behind) = places.count_and_behind(*newest.borrow());
                gauge!("activity_tails").set(tails as f64);
                gauge!("activity_tail_behind_positions").set(behind as f64);
            }
        });
        Feed {
            store,
            recent,
            places,
            _observed: Arc::new(observed),
        }
    }

    /// Begins to tell.
    pub fn tail(&self, request: Request) -> Tail {
        let mut ends = self.store.watch();
        let end = *ends.borrow_and_update();
        let begin = match request.begin {
            Begin::First => Ok(0),
            Begin::End => Ok(end),
            Begin::Behind(cursor) => cursor
                .in_store(self.store.id(), end)
                .map(|cursor| cursor.position),
        };
        let is_resumed = matches!(request.begin, Begin::Behind(_)) && begin.is_ok();
        Tail {
            feed: self.clone(),
            selection: Arc::new(request.selection),
            ends,
            end,
            shown: self.places.begin(begin.unwrap_or(0)),
            place: begin.unwrap_or(0),
            told_place: 0,
            told_at: Instant::now(),
            reset: begin.err(),
            // Who has no cursor misses nothing that was removed before.
            known_removed_to: is_resumed.then_some(0),
            behind_reset: None,
            is_live: false,
            follow: request.follow,
        }
    }
}

/// What was read.
enum Read {
    Events(Vec<Arc<Event>>),
    /// Events in front of these were removed since.
    Gap(Reset, Vec<Arc<Event>>),
}

/// A reader on its way. It holds no event, no connection and no thread while it waits for its
/// turn or its caller.
#[derive(Debug)]
pub struct Tail {
    feed: Feed,
    selection: Arc<Selection>,
    ends: watch::Receiver<i64>,
    /// As far as there are events, as far as we know.
    end: i64,
    /// The last position that was looked at.
    place: i64,
    /// The same, for who looks at all tails.
    shown: Place,
    /// The last one that was told,
    told_place: i64,
    /// and when.
    told_at: Instant,
    reset: Option<Reset>,
    /// Up to where it is known that events were removed; `None`: to be asked at the beginning.
    known_removed_to: Option<i64>,
    /// Read already, and to be told behind a reset.
    behind_reset: Option<Vec<Arc<Event>>>,
    is_live: bool,
    follow: bool,
}

impl Tail {
    /// What comes next, once it is there; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Told, Error>> {
        if let Some(reset) = self.reset.take() {
            return Some(Ok(Told::Reset(reset)));
        }
        if let Some(events) = self.behind_reset.take() {
            return Some(Ok(Told::Batch(events, self.tell_place())));
        }
        loop {
            while self.place < self.end {
                let read = self.read().await;
                self.shown.set(self.place);
                match read {
                    Ok(Read::Events(events)) if events.is_empty() && !self.is_place_due() => {}
                    Ok(Read::Events(events)) => {
                        return Some(Ok(Told::Batch(events, self.tell_place())));
                    }
                    Ok(Read::Gap(reset, events)) => {
                        self.behind_reset = Some(events);
                        return Some(Ok(Told::Reset(reset)));
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
            if !self.is_live {
                self.is_live = true;
                return Some(Ok(Told::Live(self.tell_place())));
            }
            // Its sender lives as long as the store that we hold.
            if !self.follow || self.ends.changed().await.is_err() {
                return None;
            }
            sleep_until(self.told_at + PAUSE).await;
            self.end = *self.ends.borrow_and_update();
        }
    }

    /// Reads on, and finds out whether anything was removed that should have been told.
    async fn read(&mut self) -> Result<Read, Error> {
        let known = match self.known_removed_to {
            Some(known) => known,
            None => self.removed_behind(0).await?.unwrap_or(0),
        };
        self.known_removed_to = Some(known);
        let cursor = self.cursor();
        let events = self.read_on().await?;
        // Afterwards: what was removed before it could be read is known to be so by now.
        let Some(removed_to) = self.removed_behind(cursor.position.max(known)).await? else {
            return Ok(Read::Events(events));
        };
        self.known_removed_to = Some(removed_to);
        let left_from = events
            .first()
            .map_or(self.place + 1, |event| event.position);
        let reset = Reset::of_removed(cursor, removed_to, left_from);
        Ok(Read::Gap(reset, events))
    }

    async fn removed_behind(&self, position: i64) -> Result<Option<i64>, Error> {
        let store = &self.feed.store;
        store.removed_behind(&self.selection, position).await
    }

    /// Looks at some of the positions that are left, and returns what is selected of them.
    async fn read_on(&mut self) -> Result<Vec<Arc<Event>>, Error> {
        if self.is_live {
            let recent = self.feed.recent.read(&self.selection, self.place, self.end);
            if let Some((events, place)) = recent.await? {
                self.place = place;
                return Ok(events);
            }
        }
        let window = Window::forwards(self.place, self.end);
        let page = self.feed.store.page(&self.selection, window).await?;
        self.place = page.next.unwrap_or(self.end);
        Ok(page.events.into_iter().map(Arc::new).collect())
    }

    fn is_place_due(&self) -> bool {
        self.place - self.told_place >= PLACE_POSITIONS
    }

    fn tell_place(&mut self) -> Cursor {
        self.told_place = self.place;
        self.told_at = Instant::now();
        self.cursor()
    }

    fn cursor(&self) -> Cursor {
        Cursor {
            store: self.feed.store.id(),
            position: self.place,
        }
    }
}
