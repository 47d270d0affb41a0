//! On what, and of what, the figures are.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::peer;

/// What a reader must know who compares: names and values.
pub(crate) fn described(data: &Path) -> Vec<(&'static str, String)> {
    let printed = |program: &str, args: &[&str]| printed(Command::new(program).args(args));
    let version = |program: &Path| printed(&program.to_string_lossy(), &["--version"]);
    vec![
        ("date", printed("date", &["-u", "+%F %H:%M UTC"])),
        (
            "commit",
            printed("git", &["describe", "--always", "--dirty"]),
        ),
        ("processor", processor()),
        ("kernel", printed("uname", &["-srm"])),
        ("file system", filesystem(data)),
        ("tonic", locked("tonic")),
        ("grpc-go", required("google.golang.org/grpc")),
        ("NATS", version("nats-server".as_ref())),
        ("PostgreSQL", version(&peer::postgres_program("postgres"))),
        ("Redis", version("redis-server".as_ref())),
        ("h2load", version("h2load".as_ref())),
    ]
}

/// The type of the file system that holds a folder.
pub(crate) fn filesystem(folder: &Path) -> String {
    printed(
        Command::new("findmnt")
            .args(["-n", "-o", "FSTYPE", "-T"])
            .arg(folder),
    )
}

fn processor() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| line.split_once(": "));
    format!(
        "{cores} cores, {}",
        model.map_or("unknown", |(_, model)| model)
    )
}

/// The version of a package in Cargo.lock.
fn locked(package: &str) -> String {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    let entry = format!("name = \"{package}\"\nversion = \"");
    let version = lock.split_once(&entry);
    let version = version.and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("unknown", |(version, _)| version).to_owned()
}

/// The version of a module in the go.mod of our peers.
fn required(module: &str) -> String {
    let modules = fs::read_to_string("bench/peers/go.mod").unwrap_or_default();
    let mut words = modules.split_whitespace();
    let version = words
        .find(|word| *word == module)
        .and_then(|_| words.next());
    version.unwrap_or("unknown").to_owned()
}

/// The first line that a program prints.
fn printed(command: &mut Command) -> String {
    let output = command.output().map(|output| output.stdout);
    let output = output.unwrap_or_default();
    let line = String::from_utf8_lossy(&output);
    let line = line.lines().next().unwrap_or("unknown").trim();
    line.to_owned()
}
