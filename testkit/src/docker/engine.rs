//! An engine of our own, and the process that ends it and what tests leave.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::process::geteuid;
use tempfile::TempDir;

use super::LABEL;
use super::client::Client;
use crate::tool::look_up;

/// How long an engine may take until it answers.
pub(super) const START_DEADLINE: Duration = Duration::from_secs(30);
const HOLD: &str = include_str!("hold.sh");

/// Lives as long as the process of the tests does, and then tidies up. It is a process of its own because a test
/// process can end without being asked, and because what is shared by all tests is dropped by none.
#[derive(Debug)]
pub(super) struct Holder {
    folder: PathBuf,
    /// Its standard input stays open as long as we live.
    _process: Child,
}

impl Holder {
    /// Starts it; `engine` is a command whose engine it holds, or nothing.
    pub(super) fn spawn(
        client: &Client,
        folder: TempDir,
        engine: &[String],
    ) -> Result<Holder, String> {
        // The one who ends the engine removes it.
        let folder = folder.keep();
        let mut command = Command::new("sh");
        command.args(["-c", HOLD, "hold.sh"]).arg(&folder);
        command.arg(&client.program).arg(label()).args(engine);
        let spawned = command
            .env("DOCKER_HOST", &client.host)
            .env("PATH", path_with_servers())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is for the tests.
            .process_group(0)
            .spawn();
        let process = spawned.map_err(|cause| format!("cannot start sh: {cause}"))?;
        Ok(Holder {
            folder,
            _process: process,
        })
    }

    /// Why the engine has ended, if it has.
    pub(super) fn failure(&self) -> Option<String> {
        if !self.folder.join("ended").exists() {
            return None;
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let last = log.lines().last().unwrap_or("no word").to_owned();
        Some(format!("dockerd does not start here: {last}"))
    }

    /// A folder that goes when we do.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The label of what is removed at the end: `NAME=VALUE`.
pub(super) fn label() -> String {
    format!("{LABEL}={}", std::process::id())
}

/// A name that nothing else of this run has.
pub(super) fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("muster-test-{}-{number}", std::process::id())
}

/// Where the engine lies that can be started.
pub(super) fn program() -> Result<PathBuf, String> {
    let program = look_up("dockerd")
        .ok_or("no Docker engine runs, and none is installed (apt-get install docker.io)")?;
    if !geteuid().is_root() {
        return Err("no Docker engine runs, and only root can start one".to_owned());
    }
    Ok(program)
}

/// Runs an engine with everything of its own in a folder. It leaves the packet filter and the routing of this machine
/// alone: containers reach each other and this machine on their network, and nothing else.
pub(super) fn command(dockerd: &Path, folder: &Path) -> Result<Vec<String>, String> {
    let settings = folder.join("daemon.json");
    fs::write(&settings, "{}").map_err(|cause| format!("{}: {cause}", settings.display()))?;
    let own = |flag: &str, name: &str| format!("--{flag}={}", folder.join(name).display());
    Ok(vec![
        dockerd.display().to_string(),
        own("config-file", "daemon.json"),
        own("data-root", "data"),
        own("exec-root", "exec"),
        own("pidfile", "pid"),
        format!("--host=unix://{}", folder.join("socket").display()),
        "--bridge=none".to_owned(),
        "--iptables=false".to_owned(),
        "--ip-forward=false".to_owned(),
    ])
}

/// It calls containerd, runc and the tools of the network, some of which lie where servers do.
fn path_with_servers() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/sbin:/sbin")
}
