//! What can be said about the sources without running them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::Cache;
use crate::command::{cargo, run};
use crate::elapsed::Steps;

/// Formatting, lints, documentation, contracts, licences. Each one runs, whatever the others find.
pub(crate) fn all(steps: &mut Steps, cache: &Cache) {
    let checks: [(&str, Command); 5] = [
        ("rustfmt", cargo("fmt --all --check")),
        (
            "clippy",
            cargo("clippy --workspace --all-targets --locked -- -D warnings"),
        ),
        ("rustdoc", rustdoc()),
        ("buf lint", buf_lint(cache)),
        (
            "cargo-deny",
            deny(cache, "--locked", "bans licenses sources"),
        ),
    ];
    for (name, mut command) in checks {
        let _ = steps.step(name, || run(&mut command));
    }
    advisories(steps, cache);
}

fn rustdoc() -> Command {
    let mut doc = cargo("doc --workspace --no-deps --locked");
    doc.env("RUSTDOCFLAGS", "-D warnings");
    doc
}

fn buf_lint(cache: &Cache) -> Command {
    let mut buf = Command::new(cache.bin().join("buf"));
    buf.arg("lint").current_dir("proto");
    buf
}

fn deny(cache: &Cache, mode: &str, what: &str) -> Command {
    let mut deny = Command::new(cache.bin().join("cargo-deny"));
    deny.args([mode, "check"]).args(what.split_whitespace());
    deny
}

/// Known vulnerabilities, from a database that somebody else has to fetch: it is not in any registry.
fn advisories(steps: &mut Steps, cache: &Cache) {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let database = home.unwrap_or_default().join("advisory-dbs");
    if has_database(&database) {
        let mut check = deny(cache, "--offline", "advisories");
        let _ = steps.step("advisories", || run(&mut check));
    } else {
        println!(
            "not run: advisories, for want of {} (cargo deny fetch)",
            database.display()
        );
    }
}

/// Whether one was fetched: an attempt that fails leaves the folder with nothing but a lock in it.
fn has_database(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| entry.path().is_dir())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_lock_alone_is_no_database() {
        let folder = std::env::temp_dir().join(format!("muster-advisories-{}", std::process::id()));
        assert!(!has_database(&folder));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("db.lock"), "").unwrap();
        assert!(!has_database(&folder));
        fs::create_dir(folder.join("advisory-db-1")).unwrap();
        assert!(has_database(&folder));
        fs::remove_dir_all(folder).unwrap();
    }
}
