//! What can be said about the sources without running them.

use std::path::PathBuf;
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
    if database.is_dir() {
        let mut check = deny(cache, "--offline", "advisories");
        let _ = steps.step("advisories", || run(&mut check));
    } else {
        println!(
            "not run: advisories, for want of {} (cargo deny fetch)",
            database.display()
        );
    }
}
