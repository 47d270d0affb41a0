//! Static binaries that are the same wherever they are built.

use std::env;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;

use super::BINARIES;
use crate::command::{cargo, run};
use crate::elapsed::Steps;
use crate::toolchain::{musl, std_sources};

/// How the binaries of the release are linked: without an id that would tell builds apart which are the same, and with the
/// relocations of position-independent code in few bytes (DT_RELR).
const LINKED: [&str; 2] = [
    "-Clink-arg=-Wl,--build-id=none",
    "-Clink-arg=-Wl,-z,pack-relative-relocs",
];
/// Leaves the second implementation of Curve25519 out of aws-lc, that for processors with BMI2 and ADX: 0.3 MB of tables
/// in each image, for handshakes that take some microseconds less.
const SMALL_CURVES: &str = "-DMY_ASSEMBLER_IS_TOO_OLD_FOR_ADX_AVX2=1";

/// Builds the static binaries with a profile of the workspace.
pub(crate) fn build_static(steps: &mut Steps, profile: &str) -> Result<(), String> {
    let mut build = static_build(profile, &BINARIES);
    steps.step("build static binaries", || run(&mut build))
}

/// Builds static binaries of a clone for the release: no path in them tells where that was.
pub(super) fn build_anywhere(binaries: &[&str], clone: &Path) -> Result<(), String> {
    let places = places()?;
    let remap = |flag| {
        let remap = places.iter();
        remap.map(move |(from, to)| format!("{flag}={from}={to}"))
    };
    let rust = remap("--remap-path-prefix").chain(LINKED.map(str::to_owned));
    let c = remap("-ffile-prefix-map").chain([SMALL_CURVES.to_owned()]);
    let mut build = static_build("release", binaries);
    build
        .env("CARGO_TARGET_DIR", target()?)
        .env(
            "CARGO_ENCODED_RUSTFLAGS",
            rust.collect::<Vec<_>>().join("\x1f"),
        )
        .env(of_target("CFLAGS"), c.collect::<Vec<_>>().join(" "))
        .current_dir(clone);
    run(&mut build)
}

/// The folder of the binaries that a profile builds.
pub(super) fn built(profile: &str) -> PathBuf {
    let target = target().unwrap_or_else(|_| "target".into());
    target.join(musl()).join(profile)
}

/// The build folder.
pub(super) fn target() -> Result<PathBuf, String> {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    absolute(target).map_err(|cause| format!("CARGO_TARGET_DIR: {cause}"))
}

fn static_build(profile: &str, binaries: &[&str]) -> Command {
    let mut build = cargo("build --locked --profile");
    build
        .args([profile, "--target", &musl()])
        .args(binaries.iter().map(|binary| format!("--package={binary}")))
        .env(of_target("CC"), "musl-gcc");
    build
}

/// A variable that build scripts read for our target alone.
fn of_target(variable: &str) -> String {
    format!("{variable}_{}", musl().replace('-', "_"))
}

/// Where sources lie here, and what binaries call it. Our own are compiled by their paths in the clone, but for
/// those that build scripts write.
fn places() -> Result<[(String, String); 3], String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cargo")));
    let home = home.ok_or("neither CARGO_HOME nor HOME is set")?;
    // Where the sources of the standard library are installed, the compiler names these, and its own otherwise.
    let (sources, official) = std_sources()?;
    Ok([
        (text(home)?, "/cargo".to_owned()),
        (text(sources)?, official),
        (text(target()?)?, "/target".to_owned()),
    ])
}

fn text(path: PathBuf) -> Result<String, String> {
    let text = path.into_os_string().into_string();
    text.map_err(|path| format!("{}: not UTF-8", path.display()))
}
