//! Building everything, and running all tests.

use std::io::{BufRead, BufReader, PipeReader, Write, pipe};
use std::process::Command;

use crate::cache::Cache;
use crate::command::{cargo, line, run};
use crate::dist;
use crate::elapsed::Steps;
use crate::not_run::NotRun;
use crate::promises::Promises;
use crate::tally::Tally;

const SLOWEST: usize = 12;

/// Builds the binaries that the tests start, static ones too, and runs the tests of all crates.
pub(crate) fn all(steps: &mut Steps, cache: &Cache, full: bool) {
    // The test of the README types `cargo run`, and should not wait for a compiler.
    let mut suite = cargo("build --locked");
    let built = build(steps, cache).is_ok()
        && steps
            .step("build what cargo run starts", || run(&mut suite))
            .is_ok();
    if built {
        let mut test = cargo("test --workspace --locked --no-fail-fast");
        if full {
            test.args(["--", "--include-ignored"]);
        }
        let not_run = NotRun::asked_of(&mut test);
        run_tests(steps, cache, test, full, || not_run.told());
    }
}

/// Runs the tests of the images alone, those of release binaries among them. Where there is no engine, they fail.
pub(crate) fn of_images(steps: &mut Steps, cache: &Cache) -> Result<(), String> {
    build(steps, cache)?;
    dist::binaries(steps)?;
    let test = cargo("test --workspace --locked --test containers");
    run_tests(steps, cache, test, false, Vec::new);
    Ok(())
}

fn build(steps: &mut Steps, cache: &Cache) -> Result<(), String> {
    // Binaries and tests in one selection: another would build dependencies again with other features.
    let mut build = cargo("build --workspace --bins --tests --examples --locked");
    steps.step("build", || run(&mut build))?;
    dist::build_static(steps, "smoke")?;
    dist::smoke(steps, cache)
}

fn run_tests(
    steps: &mut Steps,
    cache: &Cache,
    mut test: Command,
    strict: bool,
    not_run: impl FnOnce() -> Vec<String>,
) {
    test.env("PATH", cache.path());
    let promises = Promises::asked_of(&mut test, strict);
    let mut tally = Tally::default();
    let _ = steps.step("test", || watch(test, &mut tally));
    steps.parts(tally.slowest(SLOWEST));
    tally.were_not_run(not_run());
    steps.close(format!("{}\n{tally}", promises.told()));
}

/// Runs the tests, showing what they print as they print it, and counts.
fn watch(mut command: Command, tally: &mut Tally) -> Result<(), String> {
    let name = line(&command);
    println!("$ {name}");
    let failed = |cause: std::io::Error| format!("{name}: {cause}");
    // One pipe for both streams, so that results stay under the names that cargo prints on the other one.
    let (reader, writer) = pipe().map_err(failed)?;
    command
        .stdout(writer.try_clone().map_err(failed)?)
        .stderr(writer);
    let mut child = command.spawn().map_err(failed)?;
    drop(command);
    echo(reader, tally).map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{name}: {status}"))
    }
}

fn echo(reader: PipeReader, tally: &mut Tally) -> std::io::Result<()> {
    let mut out = std::io::stdout();
    for line in BufReader::new(reader).split(b'\n') {
        let mut line = line?;
        tally.read(&String::from_utf8_lossy(&line));
        line.push(b'\n');
        out.write_all(&line)?;
    }
    Ok(())
}
