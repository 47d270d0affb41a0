//! What ships, in `dist/`: images, archives, bills of materials, checksums.
//!
//! Two builds of one commit make the same files, byte for byte, wherever they are made: nothing of the time, the
//! place or the order of a folder goes into them.

mod archive;
mod build;
mod dockerfile;
mod image;
mod layout;
mod origin;
mod packed;
mod sbom;
mod sizes;
mod sums;
mod twice;

use std::fs;
use std::path::Path;

use crate::cache::Cache;
use crate::elapsed::Steps;
use crate::{install, tools};

pub(crate) use build::build_static;
use origin::Origin;
pub(crate) use twice::{all as all_twice, binary as binary_twice};

/// What is built, and ships.
const BINARIES: [&str; 8] = [
    "muster",
    "muster-presence",
    "muster-activity",
    "muster-notificator",
    "muster-users",
    "muster-conflicts",
    "muster-tasks",
    "muster-gateway",
];
/// The names by which every binary answers as that program.
const PROBES: [&str; 2] = ["grpc-health-probe", "grpc_health_probe"];

/// Builds what ships, and holds it against what is promised of it.
pub(crate) fn all(steps: &mut Steps, cache: &Cache) -> Result<(), String> {
    let dist = Path::new("dist");
    build(steps)?;
    package(steps, cache, "release", dist)?;
    steps.step("sizes", || sizes::check(dist))
}

/// Packs the binaries of a quick proof in the build folder, to see that it can be done.
pub(crate) fn smoke(steps: &mut Steps, cache: &Cache) -> Result<(), String> {
    package(steps, cache, "smoke", &build::target()?.join("dist-smoke"))
}

/// Builds the binaries alone, and lays them out as the Dockerfile takes them.
pub(crate) fn binaries(steps: &mut Steps) -> Result<(), String> {
    build(steps)?;
    steps.step("lay out dist", || {
        layout::all(&build::built("release"), Path::new("dist"))
    })
}

fn build(steps: &mut Steps) -> Result<(), String> {
    steps.step("build what ships", || {
        build::build_anywhere(&BINARIES, Path::new("."))
    })
}

/// Packs what a profile built: that of the release, or that of a quick proof.
pub(crate) fn package(
    steps: &mut Steps,
    cache: &Cache,
    profile: &str,
    dist: &Path,
) -> Result<(), String> {
    let built = build::built(profile);
    let origin = Origin::of_commit()?;
    install::tool(steps, cache, &tools::python())?;
    steps.step("lay out dist", || {
        clear(dist)?;
        layout::all(&built, dist)
    })?;
    steps.step("images", || image::all(dist, &origin))?;
    steps.step("archive", || archive::write(&built, dist, &origin))?;
    steps.step("bills of materials", || {
        sbom::all(&built, dist, &origin)?;
        sbom::validate(dist, cache)
    })?;
    steps.step("checksums", || sums::write(dist))
}

/// What an earlier version left would be handed on with this one.
fn clear(dist: &Path) -> Result<(), String> {
    match dist.exists() {
        true => fs::remove_dir_all(dist).map_err(|cause| format!("{}: {cause}", dist.display())),
        false => Ok(()),
    }
}
