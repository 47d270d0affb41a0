//! Measures what documents promise, each figure beside its peer in the same run. `cargo xtask bench` installs
//! what it needs, and starts it.
//!
//! A target that is missed fails nothing: figures depend on the machine. What cannot be measured at all does.

mod activity;
mod failure;
mod figure;
mod h2load;
mod live;
mod machine;
mod presence;
mod report;
mod sample;
mod scale;
mod suite;
mod table;
mod tasks;
mod traced;
mod workload;

use std::process::ExitCode;

use failure::Failure;
use suite::Suite;

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SUITES: [Suite; 4] = [activity::SUITE, presence::SUITE, live::SUITE, tasks::SUITE];

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["serve", server] => serve(server).await,
        [name, words @ ..] => match SUITES.iter().find(|suite| suite.name == *name) {
            Some(suite) => suite.run(words).await,
            None => Err(Failure::new(help())),
        },
        [] => Err(Failure::new(help())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Serves as a peer, in a process of its own.
async fn serve(server: &str) -> Result<(), Failure> {
    match server.strip_prefix("presence-") {
        Some(server) => presence::peer::serve(server).await,
        None => activity::peer::grpc::serve(server).await,
    }
}

fn help() -> String {
    let workloads = SUITES.iter().map(|suite| {
        let names: Vec<&str> = suite.workloads.iter().map(|of| of.name).collect();
        format!("  {}: {}\n", suite.name, names.join(" "))
    });
    format!(
        "\
Usage: muster-bench SUITE [--quick | --full] [WORKLOAD…]

Suites and their workloads:
{}
Without a workload all of them are run, and their figures written to bench/RESULTS.md (those of --quick to TMPDIR).
Stores lie in TMPDIR, which must be on a disk.",
        workloads.collect::<String>()
    )
}
