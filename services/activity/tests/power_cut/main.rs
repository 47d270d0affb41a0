//! A power cut at any moment loses nothing that was acknowledged.
//!
//! A process that appends runs under strace, which records what it does to its files. From the
//! record come disks as a power cut may leave them: what was synced is there, of the rest any
//! part. Each must open as a store that has all that was acknowledged before the cut.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod call;
mod check;
mod cuts;
mod disk;
#[path = "../../examples/append/message.rs"]
mod message;
mod promised;
mod recording;
mod told;

use cuts::Cuts;
use disk::Lie;
use muster_testkit::seed;
use recording::{Load, Recording};

/// Long enough for checkpoints under way, for a log that begins anew, and for a run of the index
/// of identities (some 41,000 events).
const SHORT: Load = Load {
    sessions: 2,
    steps: 600,
    bulk: 28,
};
/// More checkpoints, and no run.
const LONG: Load = Load {
    sessions: 3,
    steps: 700,
    bulk: 0,
};

/// Long enough for eight runs, and for one that is made of them, bit by bit.
const LARGE: Load = Load {
    sessions: 1,
    steps: 200,
    bulk: 400,
};

#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    let seed = seed();
    let recording = Recording::of(SHORT, seed);
    recording.assert_eventful();
    Cuts::of(&recording, seed, 120).assert_harmless();
    // The same would be found of a store that syncs less than it must.
    for lie in Lie::ALL {
        Cuts::of(&recording, seed, 200).assert_harmful(lie);
    }
}

#[test]
#[ignore = "5,000 power cuts"]
fn five_thousand_power_cuts_lose_nothing_acknowledged() {
    let seed = seed();
    for (part, load) in [SHORT, LONG].into_iter().cycle().take(10).enumerate() {
        let seed = seed.wrapping_add(part as u64);
        let recording = Recording::of(load, seed);
        recording.assert_eventful();
        Cuts::of(&recording, seed, 500).assert_harmless();
    }
}

#[test]
#[ignore = "400,000 events"]
fn a_power_cut_while_indexes_grow_together_loses_nothing_acknowledged() {
    let seed = seed();
    let recording = Recording::of(LARGE, seed);
    recording.assert_eventful();
    Cuts::of_last_quarter(&recording, seed, 60).assert_harmless();
}
