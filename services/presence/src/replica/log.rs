//! The latest votes of an origin, for those who have the ones before.

use std::collections::VecDeque;

use crate::ballot::Delta;

/// Votes that are kept at most: a reader that is further behind is given all ballots instead.
const MAX: usize = 65_536;
/// Votes that are kept even if nobody has asked for them for a while.
const MIN: usize = 1024;
/// Which part of what is above that is forgotten with each tick.
const DECAY: usize = 64;

/// Consecutive votes.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// The number of the vote before the first one here.
    before: u64,
    deltas: VecDeque<Delta>,
}

impl Log {
    /// Without votes, the next of which will be that after `seq`.
    pub(super) fn after(seq: u64) -> Self {
        Self {
            before: seq,
            deltas: VecDeque::new(),
        }
    }

    pub(super) fn push(&mut self, delta: Delta) {
        if self.deltas.len() == MAX {
            self.forget(1);
        }
        self.deltas.push_back(delta);
    }

    /// The votes after `seq`. None: some of them are not here any more.
    pub(super) fn since(&self, seq: u64) -> Option<impl Iterator<Item = &Delta>> {
        let known = usize::try_from(seq.checked_sub(self.before)?).ok()?;
        (known <= self.deltas.len()).then(|| self.deltas.range(known..))
    }

    /// A burst is kept for some seconds; its memory not for ever.
    pub(super) fn decay(&mut self) {
        let above = self.deltas.len().saturating_sub(MIN);
        self.forget(above.div_ceil(DECAY));
        if self.deltas.capacity() > 4 * self.deltas.len().max(MIN) {
            self.deltas.shrink_to(2 * self.deltas.len());
        }
    }

    fn forget(&mut self, count: usize) {
        self.deltas.drain(..count);
        self.before += count as u64;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::user::User;

    fn delta(at_unix_ms: i64) -> Delta {
        Delta {
            user: User::parse("Albert").unwrap(),
            ballot: None,
            at_unix_ms,
        }
    }

    fn since(log: &Log, seq: u64) -> Option<Vec<i64>> {
        Some(log.since(seq)?.map(|delta| delta.at_unix_ms).collect())
    }

    #[test]
    fn votes_are_found_by_their_number() {
        let mut log = Log::after(10);
        (11..14).for_each(|seq| log.push(delta(seq)));
        assert_eq!(since(&log, 9), None);
        assert_eq!(since(&log, 10), Some(vec![11, 12, 13]));
        assert_eq!(since(&log, 12), Some(vec![13]));
        assert_eq!(since(&log, 13), Some(vec![]));
        assert_eq!(since(&log, 14), None);
    }

    #[test]
    fn a_burst_is_forgotten_and_the_latest_votes_stay() {
        let mut log = Log::default();
        let count = 2 * MAX as i64;
        (1..=count).for_each(|seq| log.push(delta(seq)));
        assert_eq!(log.deltas.len(), MAX);
        for _ in 0..10_000 {
            log.decay();
        }
        assert_eq!(since(&log, count as u64 - 1), Some(vec![count]));
        assert_eq!(log.deltas.len(), MIN);
        assert!(log.deltas.capacity() <= 4 * MIN);
    }
}
