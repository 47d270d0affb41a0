//! A network of its own, where every port is free.

use std::process::Command;
use std::time::Duration;

use crate::process::Process;
use crate::wait::eventually;

/// What a shell runs that holds a network open until it is killed.
pub(crate) const HOLD: &str = "ip link set lo up && echo ready && exec tail -f /dev/null";
const READY_DEADLINE: Duration = Duration::from_secs(5);

/// A network namespace with a loopback and nothing else, for tests of the ports that users know.
#[derive(Debug)]
pub struct Network {
    holder: Process,
}

impl Network {
    /// Makes one.
    ///
    /// # Panics
    /// When this system lets us make none.
    pub async fn private() -> Network {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--net", "sh", "-c", HOLD]);
        Network::held_by(Process::spawn(&mut command)).await
    }

    /// That of a process which runs [`HOLD`].
    pub(crate) async fn held_by(mut holder: Process) -> Network {
        eventually(READY_DEADLINE, || {
            assert!(
                holder.ended().is_none(),
                "no network of our own: {}",
                holder.transcript()
            );
            std::future::ready(holder.stdout().contains("ready").then_some(()))
        })
        .await;
        Network { holder }
    }

    /// The process that holds it open.
    pub(crate) fn pid(&self) -> u32 {
        self.holder.pid()
    }

    /// A command that will run in it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let holder = self.pid().to_string();
        command.args([
            "--target",
            &holder,
            "--user",
            "--net",
            "--preserve-credentials",
            "--",
            program,
        ]);
        command
    }
}
