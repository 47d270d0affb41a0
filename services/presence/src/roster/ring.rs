//! The latest changes, for those who come back or follow.

use std::collections::VecDeque;

use crate::origin::Origin;
use crate::replica::What;
use crate::user::User;

/// How many changes are kept.
pub const CHANGES_KEPT: usize = 65_536;

/// A change, as it is kept. The user's name stands here, because a user who is gone has no id.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    pub(super) user: User,
    pub(super) what: What,
    pub(super) origin: Origin,
    pub(super) seq: u64,
    pub(super) at_unix_ms: i64,
}

/// The latest changes. A position is the number of changes that were there before it.
#[derive(Debug, Default)]
pub(super) struct Ring {
    changes: VecDeque<Kept>,
    end: u64,
}

impl Ring {
    pub(super) fn push(&mut self, change: Kept) {
        if self.changes.len() == CHANGES_KEPT {
            self.changes.pop_front();
        }
        self.changes.push_back(change);
        self.end += 1;
    }

    /// Behind the latest change.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// What came behind a position; none: that is not known, or not any more.
    pub(super) fn since(&self, position: u64) -> Option<impl Iterator<Item = &Kept>> {
        let start = self.end - self.changes.len() as u64;
        let skipped = position.checked_sub(start)? as usize;
        (position <= self.end).then(|| self.changes.range(skipped..))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn ring(changes: usize) -> Ring {
        let mut ring = Ring::default();
        for number in 0..changes {
            ring.push(Kept {
                user: User::parse("Albert").unwrap(),
                what: What::Online,
                origin: Origin {
                    replica: "here".into(),
                    incarnation: 1,
                },
                seq: number as u64,
                at_unix_ms: 0,
            });
        }
        ring
    }

    fn seqs(ring: &Ring, position: u64) -> Option<Vec<u64>> {
        let kept = ring.since(position)?;
        Some(kept.map(|change| change.seq).collect())
    }

    #[test]
    fn behind_a_position_stands_what_came_after() {
        assert_eq!(seqs(&ring(0), 0), Some(vec![]));
        assert_eq!(seqs(&ring(3), 1), Some(vec![1, 2]));
        assert_eq!(seqs(&ring(3), 3), Some(vec![]));
        assert_eq!(seqs(&ring(3), 4), None, "that is to come");
    }

    #[test]
    fn what_is_not_kept_any_more_is_not_known() {
        let ring = ring(CHANGES_KEPT + 2);
        assert_eq!(ring.changes.len(), CHANGES_KEPT);
        assert_eq!(seqs(&ring, 1), None);
        assert_eq!(seqs(&ring, 2).unwrap().first(), Some(&2));
    }
}
