//! Programs that tests use: found on PATH, in the tools folder, or beside the test.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Variables that are honoured beside our own.
const ALIASES: [&str; 3] = ["PORT", "SERVICE_HOST", "HEALTH_CHECK_HOST"];
/// Where servers lie, which not every user has on PATH.
const SERVERS: &str = "/usr/sbin";
const RUN_DEADLINE: Duration = Duration::from_secs(60);

/// What a program that has ended left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// How it ended.
    pub status: ExitStatus,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// The standard output of a program that succeeded.
    ///
    /// # Panics
    /// When it did not; the message holds both streams.
    #[track_caller]
    pub fn ok(self) -> String {
        assert!(
            self.status.success(),
            "{}\n{}\n{}",
            self.status,
            self.stdout,
            self.stderr
        );
        self.stdout
    }
}

/// The real grpcurl with `args`; `stdin` is what it reads for `-d @`.
///
/// # Panics
/// When grpcurl is not installed, or does not end within a minute.
pub async fn grpcurl(args: &[&str], stdin: &str) -> Output {
    run(Command::new(find("grpcurl")).args(args), stdin).await
}

/// The real curl, silent but for errors.
///
/// # Panics
/// When curl is not installed, or does not end within a minute.
pub async fn curl(args: &[&str]) -> Output {
    run(Command::new(find("curl")).arg("-sS").args(args), "").await
}

/// One of our binaries, called by a name as which it answers as that program (see [`PROBES`](crate::PROBES)), as by
/// the link in an image.
///
/// # Panics
/// When it has not been built, or does not end within a minute.
pub async fn health_probe(binary: &str, name: &str, args: &[&str]) -> Output {
    let mut command = Command::from(program(binary));
    run(command.arg0(name).args(args), "").await
}

/// A command that runs one of our binaries, with nothing in its environment that would configure it.
///
/// # Panics
/// When it has not been built.
pub fn program(binary: &str) -> std::process::Command {
    let mut command = std::process::Command::new(built(binary));
    let ours = |name: &String| name.starts_with("MUSTER_") || ALIASES.contains(&&**name);
    for name in std::env::vars().map(|(name, _)| name).filter(ours) {
        command.env_remove(name);
    }
    command
}

/// Runs a command to its end, without blocking the runtime of the test.
///
/// # Panics
/// When it cannot be started, or does not end within a minute.
pub async fn run(command: &mut Command, stdin: &str) -> Output {
    let name = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|cause| panic!("cannot start {name}: {cause}"));
    let mut input = child.stdin.take().expect("stdin is piped");
    let feed = async move {
        // A program may end without reading what it is given: that is its own affair.
        let _ = input.write_all(stdin.as_bytes()).await;
    };
    let both = async { tokio::join!(feed, child.wait_with_output()).1 };
    let ended = tokio::time::timeout(RUN_DEADLINE, both).await;
    let output = ended.unwrap_or_else(|_| panic!("{name} still runs after {RUN_DEADLINE:?}"));
    let output = output.unwrap_or_else(|cause| panic!("cannot wait for {name}: {cause}"));
    Output {
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Where a tool lies: on PATH, in the folder into which `cargo xtask install` puts tools, or in /usr/sbin.
///
/// # Panics
/// When it is in none of them; the message names the command that installs it.
pub fn find(program: &str) -> PathBuf {
    look_up(program)
        .unwrap_or_else(|| panic!("{program} is not installed: `cargo xtask install` does it"))
}

/// Like [`find`], for a tool that may be missing.
pub(crate) fn look_up(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(tools_dir())
        .chain([PathBuf::from(SERVERS)])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

/// The folder of the binaries of this build: the one above the test's own.
///
/// # Panics
/// When the test does not know where it lies.
pub fn target_dir() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it lies");
    let folder = test.parent().expect("a file lies in a folder");
    // Tests lie in target/debug/deps, binaries in target/debug.
    let profile = if folder.ends_with("deps") {
        folder.parent()
    } else {
        Some(folder)
    };
    profile.expect("deps lies in a folder").to_owned()
}

/// One of our binaries, of the same build as the test.
fn built(binary: &str) -> PathBuf {
    let path = target_dir().join(binary);
    assert!(
        path.is_file(),
        "{} is missing: `cargo build --workspace` builds it",
        path.display()
    );
    path
}

fn tools_dir() -> Option<PathBuf> {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(Path::new(&std::env::var_os("HOME")?).join(".cache")))?;
    Some(cache.join("muster/bin"))
}
