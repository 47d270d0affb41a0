//! Promises with a number in them, held against what a test measures.
//!
//! A machine that is busy with other things must not fail a test: a promise may take three times as long as
//! documents say. `cargo xtask test` lists what was measured, and with `--full` allows no more than was promised.

use std::env;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::Location;
use std::path::PathBuf;
use std::time::Duration;

use crate::wait::poll;

/// Names a file that gets a line for each promise: cargo hides what a test prints that passes.
const REPORT: &str = "TESTKIT_PROMISES";
/// Set to anything, promises are taken at their word.
const STRICT: &str = "TESTKIT_STRICT";
const LEEWAY: u32 = 3;

/// How promises are taken.
struct Terms {
    leeway: u32,
    report: Option<PathBuf>,
}

impl Terms {
    fn of_environment() -> Terms {
        let strict = env::var_os(STRICT).is_some();
        Terms {
            leeway: if strict { 1 } else { LEEWAY },
            report: env::var_os(REPORT).map(PathBuf::from),
        }
    }

    fn report(&self, what: &str, measured: impl Display, promise: impl Display) {
        let line = format!("{what}: {measured} (promised {promise})\n");
        print!("{line}");
        if let Some(path) = &self.report {
            let file = OpenOptions::new().create(true).append(true).open(path);
            // In one write: tests of several processes report here.
            let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
            written.unwrap_or_else(|cause| panic!("{}: {cause}", path.display()));
        }
    }

    async fn measured<T, F, A>(&self, what: &str, promise: Duration, ask: F) -> Option<T>
    where
        F: FnMut() -> A,
        A: Future<Output = Option<T>>,
    {
        let promised = format!("{promise:?}");
        match poll(promise * self.leeway, ask).await {
            Ok((answer, took)) => {
                self.report(what, format!("{took:.2?}"), promised);
                Some(answer)
            }
            Err(took) => {
                self.report(what, format!("NOT KEPT after {took:.2?}"), promised);
                None
            }
        }
    }
}

/// Like [`eventually`](crate::eventually), for a promise with a time in it: reports how long it took, and fails only
/// at [`leeway`] times `promise`.
///
/// # Panics
/// When so much time has passed.
#[track_caller]
pub fn measured<T, F, A>(what: &str, promise: Duration, ask: F) -> impl Future<Output = T>
where
    F: FnMut() -> A,
    A: Future<Output = Option<T>>,
{
    let caller = Location::caller();
    async move {
        let answer = Terms::of_environment().measured(what, promise, ask).await;
        answer.unwrap_or_else(|| panic!("{what}: promised {promise:?}, not kept at {caller}"))
    }
}

/// Reports a figure that was measured beside what is promised of it; to compare them is up to the test.
///
/// # Panics
/// When the report cannot be written.
pub fn report(what: &str, measured: impl Display, promise: impl Display) {
    Terms::of_environment().report(what, measured, promise);
}

/// How many times its value a promise that depends on how busy the machine is may take: 3, and 1 in a strict run.
pub fn leeway() -> u32 {
    Terms::of_environment().leeway
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    const PROMISE: Duration = Duration::from_millis(100);

    /// Asks for what comes after twice the time that is promised: whether that was in time, and the report.
    async fn twice_as_late(leeway: u32) -> (bool, String) {
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report");
        let terms = Terms {
            leeway,
            report: Some(report.clone()),
        };
        let start = Instant::now();
        let late = || async { (start.elapsed() > 2 * PROMISE).then_some(()) };
        let kept = terms.measured("a slow thing", PROMISE, late).await;
        (kept.is_some(), std::fs::read_to_string(report).unwrap())
    }

    #[tokio::test]
    async fn a_promise_may_take_three_times_as_long_and_is_reported() {
        let (kept, report) = twice_as_late(LEEWAY).await;
        assert!(kept, "{report}");
        let begins = report.starts_with("a slow thing: 2");
        assert!(begins && report.ends_with("(promised 100ms)\n"), "{report}");
    }

    #[tokio::test]
    async fn a_strict_run_takes_it_at_its_word() {
        let (kept, report) = twice_as_late(1).await;
        assert!(!kept && report.contains("NOT KEPT"), "{report}");
    }
}
