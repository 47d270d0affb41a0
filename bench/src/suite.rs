//! A suite: the workloads of one service, and its part of the results.

use std::any::Any;
use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use futures_util::FutureExt;

use crate::failure::Failure;
use crate::machine;
use crate::report::{self, Section};
use crate::scale::Scale;
use crate::workload::Workload;

const RESULTS: &str = "bench/RESULTS.md";

/// The workloads of one service.
pub(crate) struct Suite {
    /// The service, as on the command line.
    pub(crate) name: &'static str,
    /// What a reader of its figures must know.
    pub(crate) head: &'static str,
    /// Beside whom: names and versions.
    pub(crate) versions: fn() -> Vec<(&'static str, String)>,
    pub(crate) workloads: &'static [Workload],
}

impl Suite {
    /// `[--quick | --full] [WORKLOAD…]`
    pub(crate) async fn run(&self, words: &[&str]) -> Result<(), Failure> {
        let (scale, names) = match words {
            ["--quick", names @ ..] => (Scale::Quick, names),
            ["--full", names @ ..] => (Scale::Full, names),
            names => (Scale::Normal, names),
        };
        let chosen = self.chosen(names)?;
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
            self.write_results(scale, &folder, &sections)?;
        }
        unless_all_measured(&sections)
    }

    /// Replaces the part of this suite. The figures of a quick run say too little for that.
    fn write_results(
        &self,
        scale: Scale,
        folder: &Path,
        sections: &[Section],
    ) -> Result<(), Failure> {
        let file = match scale {
            Scale::Quick => folder.join("RESULTS.md"),
            Scale::Normal | Scale::Full => RESULTS.into(),
        };
        let machine = [machine::described(folder), (self.versions)()].concat();
        let part = report::part(self.name, self.head, scale, &machine, sections);
        let before = fs::read_to_string(&file).unwrap_or_default();
        fs::write(&file, report::with_part(&before, &part))?;
        println!("written to {}", file.display());
        Ok(())
    }

    fn chosen(&self, names: &[&str]) -> Result<Vec<&'static Workload>, Failure> {
        let by_name = |name: &&str| {
            let found = self
                .workloads
                .iter()
                .find(|workload| workload.name == *name);
            found.ok_or_else(|| Failure::new(format!("no such workload: {name}")))
        };
        match names {
            [] => Ok(self.workloads.iter().collect()),
            names => names.iter().map(by_name).collect(),
        }
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
