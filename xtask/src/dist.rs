//! Static binaries, and the folders that become the images.

use std::env;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::command::{cargo, run};
use crate::elapsed::Steps;
use crate::toolchain::musl;

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

/// Builds the static binaries with a profile of the workspace.
pub(crate) fn build_static(steps: &mut Steps, profile: &str) -> Result<(), String> {
    let mut build = cargo("build --locked --profile");
    build
        .args([profile, "--target", &musl()])
        .args(BINARIES.map(|binary| format!("--package={binary}")));
    build.env(format!("CC_{}", musl().replace('-', "_")), "musl-gcc");
    steps.step("build static binaries", || run(&mut build))
}

/// Builds what ships, and lays it out in `dist/`, where the Dockerfile takes it from.
pub(crate) fn all(steps: &mut Steps) -> Result<(), String> {
    build_static(steps, "release")?;
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let built = PathBuf::from(target).join(musl()).join("release");
    steps.step("lay out dist", || lay_out_all(&built, Path::new("dist")))
}

fn lay_out_all(built: &Path, dist: &Path) -> Result<(), String> {
    for binary in BINARIES {
        let folder = dist.join(binary.trim_start_matches("muster-"));
        lay_out(&built.join(binary), &folder)
            .map_err(|cause| format!("{}: {cause}", folder.display()))?;
    }
    Ok(())
}

/// The root of one image: `bin` with the binary and its links, and `data`, empty, to be given to the user of the
/// image. Neither can be made in an image FROM scratch.
fn lay_out(binary: &Path, root: &Path) -> io::Result<()> {
    let name = binary.file_name().unwrap_or_default();
    if root.exists() {
        fs::remove_dir_all(root)?;
    }
    let bin = root.join("bin");
    fs::create_dir_all(&bin)?;
    fs::create_dir(root.join("data"))?;
    fs::copy(binary, bin.join(name))?;
    PROBES
        .iter()
        .try_for_each(|probe| symlink(name, bin.join(probe)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_image_has_the_binary_its_links_and_an_empty_folder_for_data() {
        let folder = env::temp_dir().join(format!("muster-dist-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let binary = folder.join("muster-users");
        fs::write(&binary, "the binary").unwrap();
        let root = folder.join("users");
        // Twice: what an earlier build left is replaced.
        lay_out(&binary, &root).unwrap();
        lay_out(&binary, &root).unwrap();
        for name in ["muster-users", "grpc-health-probe", "grpc_health_probe"] {
            let found = fs::read_to_string(root.join("bin").join(name)).unwrap();
            assert_eq!(found, "the binary");
        }
        assert_eq!(fs::read_dir(root.join("data")).unwrap().count(), 0);
        fs::remove_dir_all(folder).unwrap();
    }
}
