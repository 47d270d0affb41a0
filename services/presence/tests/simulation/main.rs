//! A cluster in which everything goes wrong that can, simulated: replicas that run in one thread on a clock that is not
//! there, talk over links that are late, cut and ended, and are stopped, killed and started again.
//!
//! What must hold at any time is said in `claims`, what must be so once nothing goes wrong any more in `calm`. Chance
//! follows from a seed. One that fails is printed with its schedule; `TESTKIT_SEED=<that> cargo test -p muster-presence
//! --test simulation` begins with it. Each run tries the same schedules, so that one that fails does so for what was
//! changed; the million of `cargo xtask test --full` are new ones each time.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod calm;
mod claims;
mod dialling;
mod discovery;
mod hearing;
mod link;
mod lives;
mod node;
mod profile;
mod transport;
mod trouble;
mod users;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use muster_testkit::{seed, seed_or};
use world::World;

const SCHEDULES: u64 = 100_000;

#[test]
fn replicas_agree_and_lose_nobody_they_can_hear_whatever_goes_wrong() {
    simulate(seed_or(1), SCHEDULES);
}

#[test]
#[ignore = "a million schedules"]
fn replicas_agree_and_lose_nobody_they_can_hear_in_a_million_schedules() {
    simulate(seed(), 10 * SCHEDULES);
}

#[test]
fn a_seed_gives_the_same_schedule_again() {
    let first = seed();
    for seed in (0..200).map(|number| first.wrapping_add(number)) {
        let trace = || {
            let mut world = World::new(seed, true);
            world.play();
            world.trace().to_vec()
        };
        assert!(trace() == trace(), "seed {seed} gave two schedules");
    }
}

/// What became of many schedules.
#[derive(Debug, Default)]
struct Tally {
    messages: AtomicU64,
    simulated_ms: AtomicU64,
    longest_ms: AtomicU64,
}

fn simulate(first: u64, schedules: u64) {
    let start = Instant::now();
    let (next, has_failed) = (AtomicU64::new(0), AtomicBool::new(false));
    let (tally, failed) = (Tally::default(), Mutex::new(None));
    let work = || {
        while !has_failed.load(Ordering::Relaxed) {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= schedules {
                return;
            }
            let seed = first.wrapping_add(number);
            if let Err(what) = try_out(seed, &tally) {
                has_failed.store(true, Ordering::Relaxed);
                failed.lock().unwrap().get_or_insert((seed, what));
            }
        }
    };
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    if let Some((seed, what)) = failed.into_inner().unwrap() {
        tell(seed);
        panic!("TESTKIT_SEED={seed}: {what}");
    }
    println!(
        "{schedules} schedules in {:.0?}: {tally:?}",
        start.elapsed()
    );
}

/// Plays one schedule: what is wrong with it.
fn try_out(seed: u64, tally: &Tally) -> Result<(), String> {
    let played = catch_unwind(|| {
        let mut world = World::new(seed, false);
        world.play();
        world
    });
    let world = played.map_err(|_| "it panics".to_owned())?;
    tally
        .messages
        .fetch_add(world.messages_count, Ordering::Relaxed);
    tally
        .simulated_ms
        .fetch_add(world.now_ms, Ordering::Relaxed);
    let calm_ms = world.now_ms.saturating_sub(world.profile.trouble_ms);
    if !world.profile.is_long {
        tally.longest_ms.fetch_max(calm_ms, Ordering::Relaxed);
    }
    world.wrong.map_or(Ok(()), Err)
}

/// Plays a schedule again and prints what happens in it.
fn tell(seed: u64) {
    let mut world = World::new(seed, true);
    let _ = catch_unwind(AssertUnwindSafe(|| world.play()));
    for line in world.trace() {
        println!("{line}");
    }
}
