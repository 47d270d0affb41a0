//! A disk that is soon full.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::process::Process;
use crate::wait::eventually;

const READY_DEADLINE: Duration = Duration::from_secs(5);

/// A file system in memory of a few MiB, in a namespace of its own: only programs that are started in it see it at
/// its path.
#[derive(Debug)]
pub struct SmallDisk {
    holder: Process,
    place: TempDir,
}

impl SmallDisk {
    /// Makes one of so many MiB.
    ///
    /// # Panics
    /// When this system lets us make none.
    pub async fn of_mib(size_mib: u32) -> SmallDisk {
        let place = tempfile::tempdir().expect("no folder for a disk");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c"]);
        command.arg(
            r#"mount -t tmpfs -o "size=$1m" tmpfs "$0" && echo ready && exec tail -f /dev/null"#,
        );
        command.arg(place.path()).arg(size_mib.to_string());
        let mut holder = Process::spawn(&mut command);
        eventually(READY_DEADLINE, || {
            assert!(
                holder.ended().is_none(),
                "no disk of our own: {}",
                holder.transcript()
            );
            std::future::ready(holder.stdout().contains("ready").then_some(()))
        })
        .await;
        SmallDisk { holder, place }
    }

    /// A command that runs a program which sees the disk.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        let holder = self.holder.pid().to_string();
        command.args(["--target", &holder, "--user", "--mount"]);
        command.args(["--preserve-credentials", "--"]).arg(program);
        command
    }

    /// Where the disk is for such a program.
    pub fn path(&self) -> &Path {
        self.place.path()
    }

    /// Where the disk is for everybody else.
    pub fn path_from_outside(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.pid()));
        let path = self.place.path().strip_prefix("/");
        root.join(path.expect("a temporary folder has a full path"))
    }
}
