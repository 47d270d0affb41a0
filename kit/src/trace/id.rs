//! Ids that nobody else gives: random, and cheap, since every span needs one.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

/// The steps of splitmix64, a generator whose states all follow each other.
/// <https://doi.org/10.1145/2714064.2660195>
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX: [u64; 2] = [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb];

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0_u8));
}

/// A number other than 0.
pub(super) fn span_id() -> u64 {
    let state = STATE.get().wrapping_add(STEP);
    STATE.set(state);
    let mixed = (state ^ state >> 30).wrapping_mul(MIX[0]);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(MIX[1]);
    (mixed ^ mixed >> 31).max(1)
}

/// A number other than 0.
pub(super) fn trace_id() -> u128 {
    u128::from(span_id()) << 64 | u128::from(span_id())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_id_is_given_twice_on_any_thread() {
        let ids = || (0..10_000).map(|_| span_id()).collect::<Vec<_>>();
        let others = std::thread::spawn(ids).join().unwrap_or_default();
        let all: HashSet<u64> = ids().into_iter().chain(others).collect();
        assert_eq!(all.len(), 20_000);
    }
}
