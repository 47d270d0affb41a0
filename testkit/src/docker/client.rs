//! The program `docker`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use crate::{Output, run};

/// Where an engine listens unless somebody says otherwise.
const SOCKET: &str = "/var/run/docker.sock";
/// Debian's comes first: it can build without a plugin.
const FOLDER: &str = "/usr/bin";
/// Since this version BuildKit is a plugin of its own, without which every stage of a Dockerfile is built, needed or not.
const FIRST_WITHOUT_BUILDKIT: u32 = 23;

/// A program, and the engine that it talks to.
#[derive(Debug, Clone)]
pub(super) struct Client {
    pub(super) program: PathBuf,
    /// As in `DOCKER_HOST`.
    pub(super) host: String,
}

impl Client {
    pub(super) fn run<A: AsRef<str>>(&self, args: &[A]) -> impl Future<Output = Output> + use<A> {
        let mut command = self.command(args);
        // Without it, the older client builds every stage of a Dockerfile.
        command.env("DOCKER_BUILDKIT", "1");
        async move { run(&mut command.into(), "").await }
    }

    /// The command that calls it.
    pub(super) fn command<A: AsRef<str>>(&self, args: &[A]) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.env("DOCKER_HOST", &self.host);
        command.args(args.iter().map(AsRef::as_ref));
        command
    }

    /// Like [`Client::run`], for who cannot wait otherwise; a failure is as good as a success. What it wrote.
    pub(super) fn call(&self, args: &[&str]) -> String {
        let output = self.command(args).stdin(Stdio::null()).output();
        let written = output.map(|output| [output.stdout, output.stderr].concat());
        String::from_utf8_lossy(&written.unwrap_or_default()).into_owned()
    }

    /// Whether there is an engine.
    pub(super) async fn answers(&self) -> bool {
        let asked = self.run(&["version", "--format", "{{.Server.Version}}"]);
        asked.await.status.success()
    }
}

/// The first client that builds only those stages of a Dockerfile that are needed.
pub(super) async fn program() -> Result<PathBuf, String> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = [PathBuf::from(FOLDER)].into_iter();
    let folders: Vec<PathBuf> = folders.chain(env::split_paths(&path)).collect();
    for program in folders.iter().map(|folder| folder.join("docker")) {
        if program.is_file() && has_buildkit(&program).await {
            return Ok(program);
        }
    }
    Err("there is no docker client with BuildKit (apt-get install docker.io)".to_owned())
}

async fn has_buildkit(program: &Path) -> bool {
    let version = run(Command::new(program).arg("--version"), "").await;
    let plugin = run(Command::new(program).args(["buildx", "version"]), "").await;
    plugin.status.success()
        || major(&version.stdout).is_some_and(|major| major < FIRST_WITHOUT_BUILDKIT)
}

/// `Docker version 20.10.24+dfsg1, build 297e128` → 20
fn major(version: &str) -> Option<u32> {
    let number = version.strip_prefix("Docker version ")?;
    number.split('.').next()?.parse().ok()
}

/// Where an engine runs already.
pub(super) async fn running(program: &Path) -> Option<String> {
    let default = || {
        let there = Path::new(SOCKET).exists();
        there.then(|| format!("unix://{SOCKET}"))
    };
    let host = env::var("DOCKER_HOST").ok().or_else(default)?;
    let client = Client {
        program: program.to_owned(),
        host,
    };
    client.answers().await.then_some(client.host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_says_which_version_it_is() {
        let version = "Docker version 20.10.24+dfsg1, build 297e128\n";
        assert_eq!(major(version), Some(20));
        assert_eq!(major("podman version 4.3.1"), None);
    }
}
