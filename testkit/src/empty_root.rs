//! A file system with one of our static binaries in it and nothing else, as in an image FROM scratch.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::geteuid;
use tempfile::TempDir;

use crate::tool::target_dir;

/// The user of the images: nobody in particular.
const USER: &str = "65532:65532";

/// Such a root, with the binary in `/bin`, and `/bin/grpc-health-probe` as a link to it.
#[derive(Debug)]
pub struct EmptyRoot {
    folder: TempDir,
}

impl EmptyRoot {
    /// Makes one for a static binary (`muster-conflicts`).
    ///
    /// # Panics
    /// When that has not been built.
    pub fn with(binary: &str) -> EmptyRoot {
        let folder = tempfile::tempdir().expect("no folder for an empty root");
        let bin = folder.path().join("bin");
        fs::create_dir(&bin).expect("no folder for binaries");
        fs::copy(static_binary(binary), bin.join(binary)).expect("a binary can be copied");
        symlink(binary, bin.join("grpc-health-probe")).expect("a binary can be linked");
        open_to_all(&folder);
        EmptyRoot { folder }
    }

    /// A command that runs `program` (`/bin/muster-conflicts`) with nothing but this root, and without rights.
    pub fn command(&self, program: &str) -> Command {
        let mut command;
        if geteuid().is_root() {
            command = Command::new("chroot");
            command.arg(format!("--userspec={USER}"));
        } else {
            // In a namespace of its own anybody may change the root.
            command = Command::new("unshare");
            command.args(["--map-root-user", "chroot"]);
        }
        command.arg(self.folder.path()).arg(program);
        command
    }
}

/// A temporary folder is its owner's alone, and the user of the images is another one.
fn open_to_all(folder: &TempDir) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))
        .expect("a folder can be opened");
}

/// Where a static (musl) binary of ours lies.
///
/// # Panics
/// When it has not been built.
pub fn static_binary(binary: &str) -> PathBuf {
    let profiles = target_dir();
    let target = profiles
        .parent()
        .expect("a profile lies in the target folder");
    let musl = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let path = target.join(musl).join("smoke").join(binary);
    assert!(
        path.is_file(),
        "{} is missing: `cargo xtask static` builds it",
        path.display()
    );
    path
}
