//! The chores of the project. `cargo xtask help` lists them.

mod bench;
mod cache;
mod checks;
mod command;
mod dev;
mod dist;
mod elapsed;
mod install;
mod not_run;
mod packages;
mod promises;
mod tally;
mod tests;
mod toolchain;
mod tools;

use std::process::ExitCode;

use cache::Cache;
use elapsed::Steps;

const HELP: &str = "\
The chores of muster.

Usage: cargo xtask COMMAND

  dev [WORD…]    Runs `muster up WORD…`, and builds and starts it again when a source changes; what it keeps stays. A build
                 that fails leaves the old one running
  test [--full]  Everything that must hold: formatting, lints, documentation, contracts, licences, all tests.
                 --full adds the long proofs (the tests marked #[ignore]), and takes promises at their word
  test --ship    The tests of the images alone, on the Docker engine that runs, or one that is started (as root); builds
                 the static binaries for them, those of `dist` too, whose sizes are held against what is promised
  install        What `test` needs: Debian packages (as root), Go, npm and pip tools in the cache folder
  bench activity|presence|tasks [--quick|--full] [WORKLOAD…]
                 Measures a service beside its peers, which it installs, and writes its part of bench/RESULTS.md.
                 --quick shows in a minute or two that everything runs, and leaves that file; --full adds a store of
                 ten million events
  static         The static binaries (musl) that the tests of the images run
  dist           What ships, in dist/: optimised static binaries, images, archives, bills of materials, checksums
  dist --binaries
                 The binaries alone, laid out for the Dockerfile
  dist --smoke   The same of the binaries of `static`, in the build folder, to see that it can be packed
  dist --twice   `dist`, and again from a clone elsewhere: both must be the same, byte for byte
  help           This text

Tools go to $XDG_CACHE_HOME/muster (or ~/.cache/muster), outside the clone.
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["dev", words @ ..] => in_workspace(|_, _| dev::run(words)),
        ["test"] => in_workspace(|steps, cache| test(steps, cache, false)),
        ["test", "--full"] => in_workspace(|steps, cache| test(steps, cache, true)),
        ["test", "--ship"] => in_workspace(ship),
        ["install"] => in_workspace(install::all),
        ["bench", suite, words @ ..] => {
            in_workspace(|steps, cache| bench::all(steps, cache, suite, words))
        }
        ["dist"] => in_workspace(dist::all),
        ["dist", "--binaries"] => in_workspace(|steps, _| dist::binaries(steps)),
        ["dist", "--smoke"] => in_workspace(dist::smoke),
        ["dist", "--twice"] => in_workspace(dist::all_twice),
        ["dist", "--twice", binary] => in_workspace(|steps, _| dist::binary_twice(steps, binary)),
        ["static"] => in_workspace(|steps, _| dist::build_static(steps, "smoke")),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        _ => Err(format!("unknown command: {}\n\n{HELP}", words.join(" "))),
    };
    outcome.map_or_else(failed, |()| ExitCode::SUCCESS)
}

fn failed(why: String) -> ExitCode {
    eprintln!("{why}");
    ExitCode::FAILURE
}

/// Does a chore in the root of the workspace, and says at its end what took how long and what failed.
fn in_workspace(
    chore: impl FnOnce(&mut Steps, &Cache) -> Result<(), String>,
) -> Result<(), String> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    std::env::set_current_dir(root).map_err(|cause| format!("{root}: {cause}"))?;
    let cache = Cache::open()?;
    let mut steps = Steps::default();
    let outcome = chore(&mut steps, &cache);
    print!("{steps}");
    outcome.and(steps.outcome())
}

fn ship(steps: &mut Steps, cache: &Cache) -> Result<(), String> {
    install::all(steps, cache)?;
    tests::of_images(steps, cache)
}

fn test(steps: &mut Steps, cache: &Cache, full: bool) -> Result<(), String> {
    install::all(steps, cache)?;
    checks::all(steps, cache);
    tests::all(steps, cache, full);
    Ok(())
}
