//! Where all tails are.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where all tails of a store are; clones are the same.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    last_number: u64,
    by_number: HashMap<u64, Arc<AtomicI64>>,
}

/// Where one tail is, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    position: Arc<AtomicI64>,
    places: Places,
}

impl Places {
    /// A tail that begins behind a position.
    pub(super) fn begin(&self, position: i64) -> Place {
        let position = Arc::new(AtomicI64::new(position));
        let mut open = self.open();
        open.last_number += 1;
        let number = open.last_number;
        open.by_number.insert(number, Arc::clone(&position));
        Place {
            number,
            position,
            places: self.clone(),
        }
    }

    /// How many tails there are, and how far the slowest is behind the newest position.
    pub(super) fn count_and_behind(&self, newest: i64) -> (usize, i64) {
        let open = self.open();
        let positions = open.by_number.values();
        let slowest = positions.map(|place| place.load(Ordering::Relaxed)).min();
        let behind = slowest.map_or(0, |slowest| newest.saturating_sub(slowest).max(0));
        (open.by_number.len(), behind)
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// The tail has looked at all up to here.
    pub(super) fn set(&self, position: i64) {
        self.position.store(position, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_tail_tells_how_far_behind_and_one_that_ended_tells_nothing() {
        let places = Places::default();
        assert_eq!(places.count_and_behind(100), (0, 0));
        let slow = places.begin(10);
        let quick = places.begin(10);
        quick.set(90);
        assert_eq!(places.count_and_behind(100), (2, 90));
        drop(slow);
        assert_eq!(places.count_and_behind(100), (1, 10));
        // It was told more meanwhile than was known to be there.
        quick.set(101);
        assert_eq!(places.count_and_behind(100), (1, 0));
    }
}
