//! What a subscription catches up with.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::event::Event;
use super::mailbox::Mail;
use super::topic::Member;

/// Events that a subscription has missed, on their way to its socket.
#[derive(Debug)]
pub struct Page {
    events: VecDeque<Mail>,
    subscription: u32,
    /// Where it was read from the store: the room for such pages that it takes.
    _room: Option<OwnedSemaphorePermit>,
    since: Instant,
}

impl Page {
    /// Events for this subscriber.
    pub fn new(
        member: &Member,
        events: impl IntoIterator<Item = Arc<Event>>,
        room: Option<OwnedSemaphorePermit>,
    ) -> Page {
        Page {
            events: events.into_iter().map(|event| member.mail(event)).collect(),
            subscription: member.number,
            _room: room,
            since: Instant::now(),
        }
    }

    /// Whether there is nothing (more) in it.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Of which of the socket's subscriptions it is.
    pub(super) fn subscription(&self) -> u32 {
        self.subscription
    }

    pub(super) fn pop(&mut self) -> Option<Mail> {
        self.events.pop_front()
    }

    /// How long it is there already.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }
}
