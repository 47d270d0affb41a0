//! Many power cuts of one recording.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use muster_testkit::Dice;
use tempfile::TempDir;

use crate::check::{Fault, check};
use crate::disk::{Disk, Lie};
use crate::promised::Promised;
use crate::recording::Recording;

const THREADS: usize = 2;
/// How far from a rare moment a cut may be, in calls.
const NEAR_CALLS: usize = 8;

/// The moments of the cuts.
pub(crate) struct Cuts<'r> {
    recording: &'r Recording,
    seed: u64,
    moments: Vec<usize>,
}

impl<'r> Cuts<'r> {
    /// So many: one half at any moment, the other one around the moments that come seldom.
    pub(crate) fn of(recording: &'r Recording, seed: u64, count: usize) -> Cuts<'r> {
        Cuts::behind(0, recording, seed, count)
    }

    /// So many of the last quarter of the calls.
    pub(crate) fn of_last_quarter(recording: &'r Recording, seed: u64, count: usize) -> Cuts<'r> {
        Cuts::behind(recording.end / 4 * 3, recording, seed, count)
    }

    fn behind(first: usize, recording: &'r Recording, seed: u64, count: usize) -> Cuts<'r> {
        let mut dice = Dice::new(seed);
        let mut rare = recording.rare_moments();
        rare.retain(|moment| *moment >= first);
        let moment = |index| match index % 2 {
            0 => dice.within(first..recording.end + 1),
            _ => (dice.one_of(&rare) + dice.within(0..NEAR_CALLS)).saturating_sub(NEAR_CALLS / 2),
        };
        Cuts {
            recording,
            seed,
            moments: (0..count).map(moment).collect(),
        }
    }

    /// Asserts that no cut takes anything that was acknowledged.
    pub(crate) fn assert_harmless(&self) {
        let faults = self.faults(None, |_| false);
        let Some((index, fault)) = faults.first() else {
            return;
        };
        let kept = TempDir::new().unwrap().keep();
        self.disk(*index, None).0.write(&kept);
        panic!(
            "{} of {} power cuts did harm; the first (TESTKIT_SEED={}, call {} of {}, disk in {}): {fault:?}",
            faults.len(),
            self.moments.len(),
            self.seed,
            self.moments[*index],
            self.recording.end,
            kept.display(),
        );
    }

    /// Asserts that what was acknowledged is lost when a sync lies, and that this is found.
    pub(crate) fn assert_harmful(&self, lie: Lie) {
        let faults = self.faults(Some(lie), Fault::is_loss);
        let found = faults.iter().find(|(_, fault)| fault.is_loss());
        let (index, fault) = found.unwrap_or_else(|| panic!("{lie:?} lies, and nothing is lost"));
        println!("{lie:?} lies, after {} cuts: {fault:?}", index + 1);
    }

    /// What is wrong after each cut that did harm, up to one that is enough.
    fn faults(&self, lie: Option<Lie>, is_enough: fn(&Fault) -> bool) -> Vec<(usize, Fault)> {
        let (next, faults) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= self.moments.len() {
                    return;
                }
                if let Err(fault) = self.check(index, lie) {
                    if is_enough(&fault) {
                        next.store(self.moments.len(), Ordering::Relaxed);
                    }
                    faults.lock().unwrap().push((index, fault));
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(work);
            }
        });
        let mut faults = faults.into_inner().unwrap();
        faults.sort_unstable();
        faults
    }

    fn check(&self, index: usize, lie: Option<Lie>) -> Result<(), Fault> {
        let (disk, mut dice) = self.disk(index, lie);
        let folder = TempDir::new_in(memory()).unwrap();
        disk.write(folder.path());
        let promised = Promised::at(&self.recording.told, self.moments[index]);
        check(folder.path(), &promised, &mut dice)
    }

    fn disk(&self, index: usize, lie: Option<Lie>) -> (Disk, Dice) {
        let mut dice = Dice::new(self.seed.wrapping_add(index as u64));
        let disk = Disk::cut(self.recording, self.moments[index], lie, &mut dice);
        (disk, dice)
    }
}

/// A folder in memory where there is one: nothing of what lies there is to last.
fn memory() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() {
        memory
    } else {
        std::env::temp_dir()
    }
}
