//! The positions of the newest events by topic, which are in no posting yet.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::store::Direction;

/// The positions that the writer tells its readers.
#[derive(Debug, Default)]
pub(in super::super) struct Fresh(RwLock<Known>);

/// All behind one position, by topic.
#[derive(Debug, Default)]
struct Known {
    after: i64,
    /// Those up to here are in postings too. They are known one round longer, for a reader that
    /// does not see the newest postings yet.
    indexed_to: i64,
    topics: HashMap<i64, Vec<i64>>,
}

impl Fresh {
    /// The topic's positions behind `after` up to `end`, in order: the first `limit` of them, or
    /// backwards the last; `None` when they are not known that far back: there are newer
    /// postings by now.
    pub(in super::super) fn positions(
        &self,
        topic: i64,
        (after, end): (i64, i64),
        direction: Direction,
        limit: usize,
    ) -> Option<Vec<i64>> {
        let known = self.read();
        if after < known.after {
            return None;
        }
        let all = known.topics.get(&topic).map_or(&[][..], Vec::as_slice);
        let from = all.partition_point(|position| *position <= after);
        let to = all.partition_point(|position| *position <= end).max(from);
        let (from, to) = match direction {
            Direction::Forwards => (from, to.min(from + limit)),
            Direction::Backwards => (from.max(to.saturating_sub(limit)), to),
        };
        Some(all[from..to].to_vec())
    }

    /// The topic's last position; `None` where it is not among them.
    pub(super) fn last(&self, topic: i64) -> Option<i64> {
        self.read().topics.get(&topic)?.last().copied()
    }

    /// Adds events that are on disk: (topic, position), in the order of positions.
    pub(super) fn publish(&self, events: impl Iterator<Item = (i64, i64)>) {
        let mut known = self.write();
        for (topic, position) in events {
            known.topics.entry(topic).or_default().push(position);
        }
    }

    /// The postings on disk have all up to this position.
    pub(super) fn indexed(&self, to: i64) {
        let mut known = self.write();
        known.after = known.indexed_to;
        known.indexed_to = to;
        let after = known.after;
        known.topics.retain(|_, positions| {
            positions.drain(..positions.partition_point(|position| *position <= after));
            !positions.is_empty()
        });
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Fresh {
        let fresh = Fresh::default();
        fresh.publish((1..=6).map(|position| (position % 2, position)));
        fresh
    }

    fn all(fresh: &Fresh, topic: i64, after: i64, end: i64) -> Option<Vec<i64>> {
        fresh.positions(topic, (after, end), Direction::Forwards, 100)
    }

    #[test]
    fn a_topic_has_its_own_positions_of_a_window() {
        assert_eq!(all(&fresh(), 1, 1, 6), Some(vec![3, 5]));
        assert_eq!(all(&fresh(), 1, 1, 4), Some(vec![3]));
        assert_eq!(all(&fresh(), 2, 0, 6), Some(vec![]));
        assert_eq!(all(&fresh(), 1, 6, 3), Some(vec![]));
    }

    #[test]
    fn no_more_are_copied_than_are_asked_for() {
        let two = |direction| fresh().positions(1, (0, 6), direction, 2);
        assert_eq!(two(Direction::Forwards), Some(vec![1, 3]));
        assert_eq!(two(Direction::Backwards), Some(vec![3, 5]));
    }

    #[test]
    fn what_is_indexed_is_forgotten_one_round_later() {
        let fresh = fresh();
        fresh.indexed(4);
        assert_eq!(all(&fresh, 0, 0, 6), Some(vec![2, 4, 6]));
        fresh.indexed(6);
        assert_eq!(all(&fresh, 0, 3, 6), None);
        assert_eq!(all(&fresh, 0, 4, 6), Some(vec![6]));
        assert_eq!(fresh.last(0), Some(6));
    }
}
