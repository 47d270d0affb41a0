//! On what, and of what, the figures are.

use std::fs;
use std::path::Path;
use std::process::Command;

/// What a reader must know who compares: names and values.
pub(crate) fn described(data: &Path) -> Vec<(&'static str, String)> {
    let printed = |program: &str, args: &[&str]| printed(program.as_ref(), args);
    vec![
        ("date", printed("date", &["-u", "+%F %H:%M UTC"])),
        (
            "commit",
            printed("git", &["describe", "--always", "--dirty"]),
        ),
        ("processor", processor()),
        ("kernel", printed("uname", &["-srm"])),
        ("file system", filesystem(data)),
    ]
}

/// The type of the file system that holds a folder.
pub(crate) fn filesystem(folder: &Path) -> String {
    let folder = folder.to_string_lossy();
    printed("findmnt".as_ref(), &["-n", "-o", "FSTYPE", "-T", &folder])
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
pub(crate) fn locked(package: &str) -> String {
    let lock = fs::read_to_string("Cargo.lock").unwrap_or_default();
    let entry = format!("name = \"{package}\"\nversion = \"");
    let version = lock.split_once(&entry);
    let version = version.and_then(|(_, rest)| rest.split_once('"'));
    version.map_or("unknown", |(version, _)| version).to_owned()
}

/// The version of a module in the go.mod of our peers.
pub(crate) fn required(module: &str) -> String {
    let modules = fs::read_to_string("bench/peers/go.mod").unwrap_or_default();
    let mut words = modules.split_whitespace();
    let version = words
        .find(|word| *word == module)
        .and_then(|_| words.next());
    version.unwrap_or("unknown").to_owned()
}

/// The first line that a program prints.
pub(crate) fn printed(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    let output = output.map(|output| output.stdout);
    let output = output.unwrap_or_default();
    let line = String::from_utf8_lossy(&output);
    let line = line.lines().next().unwrap_or("unknown").trim();
    line.to_owned()
}
