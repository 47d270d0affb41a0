//! Who gets which event: topics and their subscribers, with the recent events of each.
//!
//! A feed brings the events of its selection, in their order. A subscriber who comes back with a
//! place gets what lies between out of memory, if it is recent, or else out of the store; and
//! joins where nothing is missing. Pure: what is looked at and changed together is so under one
//! lock.

mod event;
mod mailbox;
mod page;
mod place;
mod recent;
mod topic;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

pub use self::event::{Event, Form, Frames};
pub use self::mailbox::{Close, Found, Mail, Mailbox, Mark, Office};
pub use self::page::Page;
pub use self::place::Place;
use self::recent::Recent;
pub use self::recent::{Kept, Routing};
pub use self::topic::Member;
use crate::protocol::Reason;

/// A catch-up gets no more events than these at once.
const STEP_EVENTS: usize = 256;

/// What a subscriber on the way to live finds.
#[derive(Debug)]
pub enum Step {
    /// These were missed: take them, and come again behind the last one.
    Missed(Vec<Arc<Event>>),
    /// Nothing was missed: from now on all that comes is in the mailbox. The cursor leads on from
    /// here.
    Joined(Arc<str>),
    /// What lies behind the place is not known here: the store knows.
    Unknown,
}

/// The hub of one feed.
#[derive(Debug)]
pub struct Hub {
    state: Mutex<State>,
    /// Whether the feed has begun.
    begun: watch::Sender<bool>,
}

/// What a hub knows.
#[derive(Debug)]
struct State {
    /// Up to where events have come; `None` before the feed has begun.
    end: Option<End>,
    recent: Recent,
}

#[derive(Debug, Clone)]
struct End {
    place: Place,
    cursor: Arc<str>,
}

impl Hub {
    /// Nothing has come yet.
    pub fn new(routing: Routing, kept: Kept) -> Hub {
        let state = State {
            end: None,
            recent: Recent::new(routing, kept),
        };
        Hub {
            state: Mutex::new(state),
            begun: watch::Sender::new(false),
        }
    }

    /// Waits until the feed has begun.
    pub async fn begun(&self) {
        let mut begun = self.begun.subscribe();
        // Its sender is ours.
        let _never_fails = begun.wait_for(|begun| *begun).await.is_ok();
    }

    /// The feed begins, perhaps anew, behind a place: what came before is unknown here. Who is
    /// there already stays, and is told of the reset if there is one.
    pub fn begin(&self, place: Place, reset: Option<Reason>) {
        let mut state = self.lock();
        let cursor: Arc<str> = place.to_string().into();
        let is_other_store = state
            .end
            .as_ref()
            .is_some_and(|end| end.place.store != place.store);
        state.recent.begin(place.position);
        for member in state.recent.members() {
            if is_other_store {
                member.after = i64::MIN;
            }
            if let (Some(reason), Some(label)) = (reset, &member.label) {
                let mark = Mark::reset(reason, &cursor, label, member.number);
                member.mailbox.push(Mail::Mark(mark));
            }
        }
        state.end = Some(End { place, cursor });
        drop(state);
        self.begun.send_replace(true);
    }

    /// The feed has come up to a place, whether there are events or not.
    pub fn advance(&self, place: Place) {
        let cursor = place.to_string().into();
        self.lock().end = Some(End { place, cursor });
    }

    /// Gives an event, the next of the feed, to those who want it.
    pub fn publish(&self, event: Event) {
        let event = Arc::new(event);
        let mut state = self.lock();
        if let Some(end) = &mut state.end {
            end.place.position = event.position;
            end.cursor = Arc::clone(&event.cursor);
        }
        let members = state.recent.add(&event);
        members.iter().for_each(|member| member.give(&event));
    }

    /// Joins now: what comes from now on is in the mailbox. The cursor of the place, unless the
    /// feed has not begun.
    pub fn join(&self, topic: &str, member: Member) -> Option<Arc<str>> {
        let mut state = self.lock();
        state.recent.join(topic, member);
        state.end.as_ref().map(|end| Arc::clone(&end.cursor))
    }

    /// A step of a subscriber who has all up to a place on the way to live.
    pub fn step(&self, topic: &str, place: &Place, member: &Member) -> Step {
        let mut state = self.lock();
        let Some(end) = state
            .end
            .clone()
            .filter(|end| end.place.store == place.store)
        else {
            return Step::Unknown;
        };
        let is_ahead = place.position > end.place.position;
        // The feed may be late; or the store is an older copy: that is the store's to say.
        if is_ahead && member.after < place.position {
            return Step::Unknown;
        }
        let Some(missed) = state.recent.behind(topic, place.position, STEP_EVENTS) else {
            return Step::Unknown;
        };
        if !missed.is_empty() {
            return Step::Missed(missed);
        }
        let after = place.position.max(member.after);
        state.recent.join(
            topic,
            Member {
                after,
                ..member.clone()
            },
        );
        Step::Joined(if is_ahead {
            place.to_string().into()
        } else {
            end.cursor
        })
    }

    /// Takes a subscriber out, whether it has joined or not.
    pub fn leave(&self, topic: &str, mailbox: &Arc<Mailbox>, number: u32) {
        self.lock().recent.leave(topic, mailbox, number);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
