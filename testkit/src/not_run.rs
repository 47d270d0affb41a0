//! Tests that cannot run here.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;

/// Names a file that gets a line for each of them, so that who runs the tests can tell them from those that passed.
const REPORT: &str = "TESTKIT_NOT_RUN";

/// Says that a test is not run, and why; the test then has to end. `cargo xtask test` counts and lists it so.
///
/// # Panics
/// When nobody asked for such a list: a test that is not run must not look as if it had passed.
#[track_caller]
pub fn not_run(what: &str, why: &str) {
    let Some(path) = env::var_os(REPORT) else {
        panic!("{what}: cannot run, because {why}");
    };
    let file = OpenOptions::new().create(true).append(true).open(path);
    let line = format!("{what}, because {why}\n");
    file.and_then(|mut file| file.write_all(line.as_bytes()))
        .unwrap_or_else(|cause| panic!("{line}: {cause}"));
}
