//! A network of its own, where every port is free.

use std::process::Command;
use std::time::Duration;

use crate::process::Process;
use crate::wait::eventually;

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
        command.args(["--map-root-user", "--net", "sh", "-c"]);
        command.arg("ip link set lo up && echo ready && exec tail -f /dev/null");
        let mut holder = Process::spawn(&mut command);
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

    /// A command that will run in it.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        let holder = self.holder.pid().to_string();
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
