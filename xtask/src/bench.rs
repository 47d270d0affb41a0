//! The benchmark: what it needs beyond the tests, and a run of it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::Cache;
use crate::command::{cargo, on_path, run};
use crate::elapsed::Steps;
use crate::tools::Tool;
use crate::{install, packages, tools};

/// The load generator and peers from Debian, PostgreSQL aside.
const PACKAGES: [(&str, &str); 6] = [
    ("h2load", "nghttp2-client"),
    ("redis-server", "redis-server"),
    ("unshare", "util-linux"),
    ("cc", "build-essential"),
    ("git", "git"),
    ("npm", "npm"),
];
/// Debian's PostgreSQL is not on PATH.
const POSTGRES: (&str, &str) = ("/usr/lib/postgresql/15/bin/postgres", "postgresql-15");

const PEERS: &str = "bench/peers";
const CONTRACT: &str = "proto/compat/activityevents.proto";

/// Installs what is missing, builds what users get, and measures; `words` are those of muster-bench.
pub(crate) fn all(steps: &mut Steps, cache: &Cache, words: &[&str]) -> Result<(), String> {
    steps.step("packages", || packages::require(&needed()))?;
    let buf = tools::all()?.into_iter().find(|tool| tool.name == "buf");
    for tool in buf.into_iter().chain([peers()?]) {
        install::tool(steps, cache, &tool)?;
    }
    steps.step("build", || {
        run(&mut cargo(
            "build --release --locked -p muster-activity -p muster-bench",
        ))
    })?;
    steps.step("measure", || measure(cache, words))
}

fn needed() -> Vec<(&'static str, &'static str)> {
    let postgres = match on_path("postgres") {
        Some(_) => None,
        None => Some(POSTGRES),
    };
    PACKAGES.into_iter().chain(postgres).collect()
}

/// nats-server, and our own service on grpc-go. Built anew when a pin, its source or the contract changes.
fn peers() -> Result<Tool, String> {
    let read = |file: &str| fs::read_to_string(file).map_err(|cause| format!("{file}: {cause}"));
    let files = ["go.mod", "go.sum", "buf.gen.yaml", "grpc-go/main.go"];
    let sources: Result<String, String> = files
        .iter()
        .map(|file| read(&format!("{PEERS}/{file}")))
        .collect();
    Ok(Tool {
        name: "peers in go",
        pin: sources? + &read(CONTRACT)?,
        install: build_peers,
    })
}

fn build_peers(cache: &Cache) -> Result<(), String> {
    let go = |args: &[&str]| {
        let mut go = Command::new("go");
        go.args(args).current_dir(PEERS).env("GOBIN", cache.bin());
        run(&mut go)
    };
    go(&["install", "-ldflags=-s -w", "tool"])?;
    generate(cache)?;
    let peer = cache.bin().join("grpc-go-peer");
    go(&["build", "-o", &peer.to_string_lossy(), "./grpc-go"])
}

/// Go code of the contract, from a copy: buf.yaml leaves `compat` out, which need not pass its lints.
fn generate(cache: &Cache) -> Result<(), String> {
    let folder = Path::new(PEERS).join("activityevents");
    fs::create_dir_all(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    fs::copy(CONTRACT, folder.join("activityevents.proto"))
        .map_err(|cause| format!("{CONTRACT}: {cause}"))?;
    let mut buf = Command::new(cache.bin().join("buf"));
    buf.args(["generate", "activityevents"]);
    run(buf.current_dir(PEERS).env("PATH", cache.path()))
}

fn measure(cache: &Cache, words: &[&str]) -> Result<(), String> {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let target = PathBuf::from(target);
    // Stores lie here: /tmp may be in memory.
    let folder = target.join("bench");
    fs::create_dir_all(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let folder = fs::canonicalize(&folder).map_err(|cause| cause.to_string())?;
    let mut bench = Command::new(target.join("release/muster-bench"));
    bench.arg("activity").args(words);
    run(bench.env("PATH", cache.path()).env("TMPDIR", folder))
}
