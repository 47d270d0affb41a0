//! One topic of a hub.

use std::collections::VecDeque;
use std::sync::Arc;

use super::event::{Event, Form};
use super::mailbox::{Mail, Mailbox};

/// A topic: its recent events, and who wants those that come.
#[derive(Debug)]
pub(super) struct Topic {
    /// The position of the newest event that was here and is not recent any more.
    pub(super) lost: i64,
    pub(super) recent: VecDeque<Arc<Event>>,
    pub(super) members: Vec<Member>,
}

/// One subscription of a socket.
#[derive(Debug, Clone)]
pub struct Member {
    /// Where its events go.
    pub mailbox: Arc<Mailbox>,
    /// Which of the socket's subscriptions it is.
    pub number: u32,
    /// How it gets events.
    pub form: Form,
    /// The kind of events that it gets; `None`: any.
    pub kind: Option<Box<str>>,
    /// The position up to which the store has told it all.
    pub after: i64,
    /// For one that is told of resets: what names the subscription to its client.
    pub label: Option<Arc<str>>,
}

impl Topic {
    pub(super) fn new() -> Topic {
        Topic {
            lost: i64::MIN,
            recent: VecDeque::new(),
            members: Vec::new(),
        }
    }

    /// Nobody is there, nor an event.
    pub(super) fn is_bare(&self) -> bool {
        self.recent.is_empty() && self.members.is_empty()
    }

    /// The first `most` events behind a position; `None` if one of them is not recent any more.
    pub(super) fn behind(&self, position: i64, most: usize) -> Option<Vec<Arc<Event>>> {
        if position < self.lost {
            return None;
        }
        let first = self
            .recent
            .partition_point(|event| event.position <= position);
        Some(self.recent.range(first..).take(most).cloned().collect())
    }

    pub(super) fn leave(&mut self, mailbox: &Arc<Mailbox>, number: u32) {
        let is_it =
            |member: &Member| member.number == number && Arc::ptr_eq(&member.mailbox, mailbox);
        if let Some(index) = self.members.iter().position(is_it) {
            self.members.swap_remove(index);
        }
    }
}

impl Member {
    /// Whether it gets this event.
    pub fn wants(&self, event: &Event) -> bool {
        let of_kind = self.kind.as_deref().is_none_or(|kind| *kind == *event.kind);
        of_kind && event.position > self.after
    }

    /// Gives it an event, if it wants it.
    pub(super) fn give(&self, event: &Arc<Event>) {
        if self.wants(event) {
            self.mailbox.push(self.mail(Arc::clone(event)));
        }
    }

    /// An event for it.
    pub(super) fn mail(&self, event: Arc<Event>) -> Mail {
        Mail::Event {
            event,
            form: self.form,
            subscription: self.number,
        }
    }
}
