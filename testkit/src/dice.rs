//! Chance that can be had again: what a test rolls follows from a seed, which it prints.

use std::env;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;

/// Names the seed of a run that is to be had again.
const SEED: &str = "TESTKIT_SEED";

/// A source of numbers that look random and follow from a seed (SplitMix64: Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// The dice of a seed.
    pub fn new(seed: u64) -> Dice {
        Dice { state: seed }
    }

    /// A number of 64 bits.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of the range, the first one of a range that is empty.
    pub fn within(&mut self, range: Range<usize>) -> usize {
        range.start + (self.number() % range.len().max(1) as u64) as usize
    }

    /// Yes once in so many times on average.
    pub fn once_in(&mut self, times: usize) -> bool {
        self.within(0..times) == 0
    }

    /// One of several.
    ///
    /// # Panics
    /// When there are none.
    pub fn one_of<'a, T>(&mut self, several: &'a [T]) -> &'a T {
        &several[self.within(0..several.len())]
    }

    /// Puts them into any order.
    pub fn shuffle<T>(&mut self, several: &mut [T]) {
        for end in (1..several.len()).rev() {
            several.swap(end, self.within(0..end + 1));
        }
    }
}

/// The seed of this run, which it prints: `TESTKIT_SEED`, or a new one.
///
/// # Panics
/// When `TESTKIT_SEED` is no number.
pub fn seed() -> u64 {
    // Hashers are seeded by the system.
    seed_or(RandomState::new().hash_one(std::process::id()))
}

/// The seed that `TESTKIT_SEED` names, or this one where it names none; printed as well.
///
/// # Panics
/// When `TESTKIT_SEED` is no number.
pub fn seed_or(otherwise: u64) -> u64 {
    let given = env::var(SEED).ok();
    let seed = given.map_or(otherwise, |text| {
        let parsed = text.parse();
        parsed.unwrap_or_else(|cause| panic!("{SEED}={text}: {cause}"))
    });
    println!("{SEED}={seed}");
    seed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_again_and_another_one_others() {
        let numbers = |seed| {
            let mut dice = Dice::new(seed);
            [(); 8].map(|()| dice.number())
        };
        assert_eq!(numbers(7), numbers(7));
        assert_ne!(numbers(7), numbers(8));
    }

    #[test]
    fn every_number_of_a_range_comes_up() {
        let mut dice = Dice::new(1);
        let mut seen: Vec<usize> = (0..200).map(|_| dice.within(3..6)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, [3, 4, 5]);
        assert_eq!(dice.within(9..9), 9);
    }

    #[test]
    fn what_is_shuffled_is_all_there() {
        let mut several: Vec<i32> = (0..50).collect();
        Dice::new(1).shuffle(&mut several);
        assert_ne!(several, (0..50).collect::<Vec<_>>());
        several.sort_unstable();
        assert_eq!(several, (0..50).collect::<Vec<_>>());
    }
}
