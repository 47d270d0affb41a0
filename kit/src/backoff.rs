//! Waiting longer after each failure.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Delays that double from a first to a longest one. Each is drawn from its upper half, so that
/// many who failed at one moment do not all come back at one moment.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Delays of about `first`, twice that, and so on, up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// The delay before the next attempt.
    pub fn delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(self.longest);
        jittered(delay)
    }

    /// The delay after `failures` failures in a row, for what is kept in a store.
    pub fn after(&self, failures: u32) -> Duration {
        let doubled = 1_u32
            .checked_shl(failures.saturating_sub(1))
            .unwrap_or(u32::MAX);
        jittered(self.first.saturating_mul(doubled).min(self.longest))
    }

    /// The next failure is a first one again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

/// Between half of `delay` and all of it.
fn jittered(delay: Duration) -> Duration {
    // Each RandomState hashes with other keys: chance enough to spread attempts.
    let chance = RandomState::new().build_hasher().finish() as u32;
    delay / 2 + (delay / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(1);

    #[test]
    fn delays_double_up_to_the_longest_and_start_anew_after_a_reset() {
        let mut backoff = Backoff::new(FIRST, LONGEST);
        for delay_ms in [50, 100, 200, 400, 800, 1000, 1000] {
            let full = Duration::from_millis(delay_ms);
            let delay = backoff.delay();
            assert!(full / 2 <= delay && delay <= full, "{delay:?} of {full:?}");
        }
        backoff.reset();
        assert!(backoff.delay() <= FIRST);
    }

    #[test]
    fn any_count_of_failures_has_a_delay() {
        let backoff = Backoff::new(FIRST, LONGEST);
        assert!(backoff.after(0) <= FIRST);
        assert!(backoff.after(1) <= FIRST);
        assert!(backoff.after(2) > FIRST / 2);
        assert!(backoff.after(u32::MAX) >= LONGEST / 2);
    }
}
