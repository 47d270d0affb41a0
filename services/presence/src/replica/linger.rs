//! Users whose origin has gone, but not yet their grace.

use std::collections::{BTreeSet, HashMap};

use super::electorate::UserId;
use crate::origin::Origin;

/// A vote of an origin that has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Linger {
    pub(super) origin: Origin,
    pub(super) seq: u64,
    pub(super) until_ms: u64,
}

/// One for each user: that which lasts longest.
#[derive(Debug, Default)]
pub(super) struct Lingerers {
    users: HashMap<UserId, Linger>,
    by_end: BTreeSet<(u64, UserId)>,
}

impl Lingerers {
    /// Whether it lasts longer than what is known.
    pub(super) fn put(&mut self, id: UserId, linger: Linger) -> bool {
        let known = self.users.get(&id).map(|known| known.until_ms);
        if known.is_some_and(|known| known >= linger.until_ms) {
            return false;
        }
        if let Some(known) = known {
            self.by_end.remove(&(known, id));
        }
        self.by_end.insert((linger.until_ms, id));
        self.users.insert(id, linger);
        true
    }

    /// One whose time has come.
    pub(super) fn expired(&mut self, now_ms: u64) -> Option<(UserId, Linger)> {
        let (until_ms, id) = *self.by_end.first()?;
        if until_ms > now_ms {
            return None;
        }
        self.by_end.pop_first();
        Some((id, self.users.remove(&id)?))
    }

    /// All, those first who end first.
    pub(super) fn all(&self) -> impl Iterator<Item = (UserId, &Linger)> {
        let by_end = self.by_end.iter();
        by_end.filter_map(|(_, id)| Some((*id, self.users.get(id)?)))
    }
}
