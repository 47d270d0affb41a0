//! The folders that the Dockerfile takes the binaries from.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use super::{BINARIES, PROBES};

/// Lays out one folder for each binary, named like its service.
pub(super) fn all(built: &Path, dist: &Path) -> Result<(), String> {
    for binary in BINARIES {
        let folder = dist.join(service(binary));
        lay_out(&built.join(binary), &folder)
            .map_err(|cause| format!("{}: {cause}", folder.display()))?;
    }
    Ok(())
}

/// What the Dockerfile calls the service of a binary; the suite is `muster`.
pub(super) fn service(binary: &str) -> &str {
    binary.trim_start_matches("muster-")
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
        let folder = std::env::temp_dir().join(format!("muster-dist-{}", std::process::id()));
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
