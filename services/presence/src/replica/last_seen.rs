//! When users were last online.

use std::collections::HashMap;

use crate::user::User;

/// How many users are remembered at most; the latest half of them in any case.
pub const LAST_SEEN_MAX: usize = 100_000;

/// Times in milliseconds since the Unix epoch. Two generations, of which the older one is forgotten as a whole.
#[derive(Debug, Default)]
pub(super) struct LastSeen {
    young: HashMap<User, i64>,
    old: HashMap<User, i64>,
}

impl LastSeen {
    pub(super) fn get(&self, user: &User) -> Option<i64> {
        self.young.get(user).or_else(|| self.old.get(user)).copied()
    }

    /// Of two times the later one counts.
    pub(super) fn record(&mut self, user: &User, at_unix_ms: i64) {
        let known = self.old.remove(user).unwrap_or(i64::MIN);
        let at = self.young.entry(user.clone()).or_insert(known);
        *at = at_unix_ms.max(*at);
        if self.young.len() >= LAST_SEEN_MAX / 2 {
            self.old = std::mem::take(&mut self.young);
        }
    }

    /// They are online.
    pub(super) fn forget(&mut self, user: &User) {
        if self.young.remove(user).is_none() {
            self.old.remove(user);
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&User, i64)> {
        let all = self.old.iter().chain(&self.young);
        all.map(|(user, at)| (user, *at))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn user(number: usize) -> User {
        User::parse(&number.to_string()).unwrap()
    }

    #[test]
    fn the_later_time_counts_and_who_is_back_is_forgotten() {
        let mut seen = LastSeen::default();
        seen.record(&user(1), 7);
        seen.record(&user(1), 5);
        assert_eq!(seen.get(&user(1)), Some(7));
        seen.forget(&user(1));
        assert_eq!(seen.get(&user(1)), None);
    }

    #[test]
    fn memory_is_bounded_and_the_latest_are_kept() {
        let mut seen = LastSeen::default();
        for number in 0..3 * LAST_SEEN_MAX {
            seen.record(&user(number), number as i64);
            assert!(seen.young.len() + seen.old.len() <= LAST_SEEN_MAX);
        }
        for number in 3 * LAST_SEEN_MAX - LAST_SEEN_MAX / 2..3 * LAST_SEEN_MAX {
            assert_eq!(seen.get(&user(number)), Some(number as i64));
        }
    }
}
