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
mod recording;
mod told;

use cuts::Cuts;
use disk::Lie;
use muster_testkit::seed;
use recording::{Load, Recording};

/// Long enough for checkpoints under way, and for a log that begins anew.
const SHORT: Load = Load {
    sessions: 2,
    steps: 400,
};
const LONG: Load = Load {
    sessions: 3,
    steps: 500,
};

#[test]
fn a_power_cut_loses_nothing_acknowledged() {
    let seed = seed();
    let recording = Recording::of(SHORT, seed);
    recording.assert_eventful();
    Cuts::of(&recording, seed, 200).assert_harmless();
    // The same would be found of a store that syncs less than it must.
    for lie in Lie::ALL {
        Cuts::of(&recording, seed, 48).assert_harmful(lie);
    }
}

#[test]
#[ignore = "5,000 power cuts"]
fn five_thousand_power_cuts_lose_nothing_acknowledged() {
    let seed = seed();
    for part in 0..10 {
        let seed = seed.wrapping_add(part);
        let recording = Recording::of(LONG, seed);
        recording.assert_eventful();
        Cuts::of(&recording, seed, 500).assert_harmless();
    }
}
