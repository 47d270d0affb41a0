//! Graces that run: until when users stay whose connections have gone.

use std::collections::{BTreeSet, HashMap};

use crate::replica::UserId;

/// The graces that run on this replica, at most one for each user.
#[derive(Debug, Default)]
pub(super) struct Graces {
    ends_ms: HashMap<UserId, u64>,
    in_order: BTreeSet<(u64, UserId)>,
}

impl Graces {
    /// The user stays until then at least.
    pub(super) fn run(&mut self, user: UserId, end_ms: u64) {
        if self.ends_ms.get(&user).is_none_or(|known| *known < end_ms) {
            self.forget(user);
            self.ends_ms.insert(user, end_ms);
            self.in_order.insert((end_ms, user));
        }
    }

    /// The user's grace, if one runs, holds no more.
    pub(super) fn forget(&mut self, user: UserId) {
        if let Some(end_ms) = self.ends_ms.remove(&user) {
            self.in_order.remove(&(end_ms, user));
        }
    }

    /// For how long the user stays, in milliseconds; none: they do not.
    pub(super) fn remaining_ms(&self, user: UserId, now_ms: u64) -> Option<u32> {
        let remaining = self.ends_ms.get(&user)?.saturating_sub(now_ms);
        (remaining > 0).then(|| u32::try_from(remaining).unwrap_or(u32::MAX))
    }

    /// Takes out one whose grace is over.
    pub(super) fn pop_over(&mut self, now_ms: u64) -> Option<UserId> {
        let (end_ms, user) = *self.in_order.first()?;
        if end_ms > now_ms {
            return None;
        }
        self.forget(user);
        Some(user)
    }
}
