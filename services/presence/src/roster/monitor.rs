//! A monitor: the latest value of one user.

use std::future::poll_fn;
use std::hash::{Hash, Hasher};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use super::Roster;
use crate::replica::UserId;

/// Where a monitor is told. It holds the latest value and never a queue of them: a slow reader
/// skips what is over, and nothing grows. There are many: it is all that each of them costs.
#[derive(Debug, Default)]
pub(super) struct Slot {
    online: AtomicBool,
    reader: AtomicWaker,
}

impl Slot {
    /// Tells the reader.
    pub(super) fn set(&self, online: bool) {
        self.online.store(online, Ordering::Release);
        self.reader.wake();
    }
}

/// A slot is equal to itself alone.
impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        ptr::eq(self, other)
    }
}

impl Eq for Slot {}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        ptr::from_ref(self).hash(state);
    }
}

/// Somebody who wants to know whether a user is online, until it is dropped.
#[derive(Debug)]
pub struct Monitor {
    roster: Arc<Roster>,
    user: UserId,
    slot: Arc<Slot>,
    told: Option<bool>,
}

impl Monitor {
    pub(super) fn new(roster: Arc<Roster>, user: UserId, slot: Arc<Slot>) -> Self {
        Self {
            roster,
            user,
            slot,
            told: None,
        }
    }

    /// Whether the user is online: the present value the first time, then whenever it is
    /// another than the one returned before.
    pub async fn next(&mut self) -> bool {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// See [`Monitor::next`].
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if let Some(online) = self.news() {
            return Poll::Ready(online);
        }
        self.slot.reader.register(cx.waker());
        // What came before the waker was there woke nobody.
        self.news().map_or(Poll::Pending, Poll::Ready)
    }

    fn news(&mut self) -> Option<bool> {
        let online = self.slot.online.load(Ordering::Acquire);
        (self.told.replace(online) != Some(online)).then_some(online)
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.roster.forget_monitor(self.user, &self.slot);
    }
}
