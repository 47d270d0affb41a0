//! Measures what documents promise, each figure beside its peer in the same run. `cargo xtask bench` installs
//! what it needs, and starts it.
//!
//! A target that is missed fails nothing: figures depend on the machine. What cannot be measured at all does.

mod codec;
mod event;
mod failure;
mod figure;
mod h2load;
mod machine;
mod muster;
mod peer;
mod pipeline;
mod report;
mod sample;
mod scale;
mod table;
mod workload;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;

use futures_util::FutureExt;

use failure::Failure;
use report::Section;
use scale::Scale;
use workload::{WORKLOADS, Workload};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

const RESULTS: &str = "bench/RESULTS.md";

const HELP: &str = "\
Usage: muster-bench activity [--quick | --full] [WORKLOAD…]

Workloads: unary single batches alone reading tail restart. Without any, all of them, and their figures are
written to bench/RESULTS.md (those of --quick to TMPDIR). Stores lie in TMPDIR, which must be on a disk.
";

#[tokio::main]
async fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["serve", server] => peer::grpc::serve(server).await,
        ["activity", words @ ..] => activity(words).await,
        _ => Err(Failure::new(HELP)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

async fn activity(words: &[&str]) -> Result<(), Failure> {
    let (scale, names) = match words {
        ["--quick", names @ ..] => (Scale::Quick, names),
        ["--full", names @ ..] => (Scale::Full, names),
        names => (Scale::Normal, names),
    };
    let chosen = chosen(names)?;
    let folder = std::env::temp_dir();
    if machine::filesystem(&folder) == "tmpfs" {
        let why = format!(
            "{} is in memory: set TMPDIR to a folder on a disk",
            folder.display()
        );
        return Err(Failure::new(why));
    }
    let mut sections = Vec::new();
    for workload in chosen {
        sections.push(measured(workload, scale).await);
    }
    println!("{}", report::tally(&sections));
    if names.is_empty() {
        write_results(scale, &folder, &sections)?;
    }
    unless_all_measured(&sections)
}

/// Those of a quick run say too little to replace others.
fn write_results(scale: Scale, folder: &Path, sections: &[Section]) -> Result<(), Failure> {
    let file = match scale {
        Scale::Quick => folder.join("RESULTS.md"),
        Scale::Normal | Scale::Full => RESULTS.into(),
    };
    let document = report::document(scale, &machine::described(folder), sections);
    std::fs::write(&file, document)?;
    println!("written to {}", file.display());
    Ok(())
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Workload>, Failure> {
    let by_name = |name: &&str| {
        let found = WORKLOADS.iter().find(|workload| workload.name == *name);
        found.ok_or_else(|| Failure::new(format!("no such workload: {name}\n\n{HELP}")))
    };
    match names {
        [] => Ok(WORKLOADS.iter().collect()),
        names => names.iter().map(by_name).collect(),
    }
}

/// Runs one workload; testkit panics where something is missing, which must not keep the others from running.
async fn measured(workload: &'static Workload, scale: Scale) -> Section {
    eprintln!("{}: {} …", workload.name, workload.about);
    let ended = AssertUnwindSafe((workload.run)(scale)).catch_unwind().await;
    let section = Section {
        about: workload.about,
        figures: ended.unwrap_or_else(|panic| Err(Failure::new(words(&*panic)))),
    };
    println!("{}", section.text());
    section
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let fixed = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or(fixed).unwrap_or_default()
}

fn unless_all_measured(sections: &[Section]) -> Result<(), Failure> {
    let failed = sections.iter().filter(|section| section.figures.is_err());
    let failed: Vec<&str> = failed.map(|section| section.about).collect();
    match failed.as_slice() {
        [] => Ok(()),
        failed => Err(Failure::new(format!("NOT MEASURED: {}", failed.join("; ")))),
    }
}
