//! Proof that two builds of one commit are the same.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::build::{build_anywhere, built, target};
use super::origin::Origin;
use crate::cache::Cache;
use crate::command::{cargo, run};
use crate::elapsed::Steps;

/// Builds one binary from two clones in different folders, and compares.
pub(crate) fn binary(steps: &mut Steps, name: &str) -> Result<(), String> {
    steps.step(&format!("build {name} in two places"), || {
        let folder = Folder::new()?;
        let builds = ["here", "somewhere/else"].map(|place| {
            let clone = folder.clone_to(place)?;
            build_anywhere(&[name], &clone)?;
            read(&built("release").join(name))
        });
        let [one, other] = builds;
        same(name, &one?, &other?)
    })
}

/// Makes all that ships, and again from a clone with a build folder of its own.
pub(crate) fn all(steps: &mut Steps, cache: &Cache) -> Result<(), String> {
    if Origin::of_commit()?.revision.ends_with("-dirty") {
        return Err("what is not committed cannot be built again: commit it first".to_owned());
    }
    super::all(steps, cache)?;
    steps.step("make dist in another place", || {
        let folder = Folder::new()?;
        let clone = folder.clone_to("somewhere/else")?;
        let mut again = cargo("xtask dist");
        run(again
            .current_dir(&clone)
            .env("CARGO_TARGET_DIR", folder.0.join("target")))?;
        let sums = Path::new("dist/SHA256SUMS");
        same("dist", &read(sums)?, &read(&clone.join(sums))?)
    })
}

/// A folder that is gone when this is.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Folder, String> {
        // Beside what is built: it may become as large.
        let folder = target()?.join(format!("twice-{}", std::process::id()));
        fs::create_dir_all(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
        Ok(Folder(folder))
    }

    fn clone_to(&self, place: &str) -> Result<PathBuf, String> {
        let clone = self.0.join(place);
        let here = env::current_dir().map_err(|cause| cause.to_string())?;
        run(Command::new("git")
            .args(["clone", "--quiet"])
            .args([&here, &clone]))?;
        Ok(clone)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|cause| format!("{}: {cause}", path.display()))
}

fn same(what: &str, one: &[u8], other: &[u8]) -> Result<(), String> {
    if one == other {
        return Ok(());
    }
    let at = one
        .iter()
        .zip(other)
        .take_while(|(one, other)| one == other)
        .count();
    Err(format!("two builds of {what} differ from byte {at} on"))
}
