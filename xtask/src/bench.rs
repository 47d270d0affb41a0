//! The benchmarks: what each needs beyond the tests, and a run of it.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cache::Cache;
use crate::command::{cargo, on_path, run};
use crate::elapsed::Steps;
use crate::tools::Tool;
use crate::{install, packages, tools};

/// What one suite of muster-bench needs.
struct Suite {
    /// Its first word.
    name: &'static str,
    /// The services that are measured.
    binaries: &'static [&'static str],
    /// Load generators and peers from Debian: a program on PATH, and its package.
    packages: &'static [(&'static str, &'static str)],
}

const SUITES: [Suite; 4] = [
    Suite {
        name: "activity",
        binaries: &["muster-activity"],
        packages: &[
            ("h2load", "nghttp2-client"),
            ("redis-server", "redis-server"),
            // Not on PATH where it comes from Debian.
            ("/usr/lib/postgresql/15/bin/postgres", "postgresql-15"),
        ],
    },
    Suite {
        name: "presence",
        binaries: &["muster-presence"],
        packages: &[("redis-server", "redis-server"), ("etcd", "etcd-server")],
    },
    Suite {
        name: "live",
        binaries: &["muster-gateway", "muster-activity", "muster-presence"],
        packages: &[],
    },
    Suite {
        name: "tasks",
        binaries: &[
            "muster-tasks",
            "muster-gateway",
            "muster-activity",
            "muster-presence",
        ],
        packages: &[
            ("h2load", "nghttp2-client"),
            ("mariadbd", "mariadb-server"),
            ("rabbitmq-server", "rabbitmq-server"),
        ],
    },
];
/// What both need.
const PACKAGES: [(&str, &str); 4] = [
    ("unshare", "util-linux"),
    ("cc", "build-essential"),
    ("git", "git"),
    ("npm", "npm"),
];

const PEERS: &str = "bench/peers";
/// What its Go code is made of; copied, since buf.yaml leaves `compat` out, which need not pass its lints.
const CONTRACTS: [&str; 4] = [
    "compat/activityevents.proto",
    "compat/presence.proto",
    "compat/cloudstate/entity_key.proto",
    "muster/edge/v1/edge.proto",
];

/// Installs what is missing, builds what users get, and measures; `words` are those of muster-bench.
pub(crate) fn all(
    steps: &mut Steps,
    cache: &Cache,
    suite: &str,
    words: &[&str],
) -> Result<(), String> {
    let suite = SUITES.iter().find(|known| known.name == suite);
    let suite = suite.ok_or("there are four benchmarks: activity, presence, live and tasks")?;
    steps.step("packages", || packages::require(&needed(suite)))?;
    let buf = tools::all()?.into_iter().find(|tool| tool.name == "buf");
    for tool in buf.into_iter().chain([peers()?]) {
        install::tool(steps, cache, &tool)?;
    }
    steps.step("build", || {
        let binaries = suite.binaries.join(" -p ");
        run(&mut cargo(&format!(
            "build --release --locked -p {binaries} -p muster-bench"
        )))
    })?;
    steps.step("measure", || measure(cache, suite, words))
}

fn needed(suite: &Suite) -> Vec<(&'static str, &'static str)> {
    let elsewhere = |program: &str| {
        let file = Path::new(program).file_name().unwrap_or_default();
        on_path(&file.to_string_lossy()).is_some()
    };
    let packages = suite.packages.iter().chain(&PACKAGES);
    packages
        .filter(|(program, _)| !elsewhere(program))
        .copied()
        .collect()
}

/// nats-server, Centrifugo, and our own services on grpc-go. Built anew when a pin, their source or a contract changes.
fn peers() -> Result<Tool, String> {
    let read = |file: &String| fs::read_to_string(file).map_err(|cause| format!("{file}: {cause}"));
    let files = [
        "go.mod",
        "go.sum",
        "buf.gen.yaml",
        "grpc-go/main.go",
        "grpc-go/presence.go",
    ];
    let files = files.iter().map(|file| format!("{PEERS}/{file}"));
    let contracts = CONTRACTS.iter().map(|file| format!("proto/{file}"));
    let sources: Result<String, String> = files.chain(contracts).map(|file| read(&file)).collect();
    Ok(Tool {
        name: "peers in go",
        pin: sources?,
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

/// Go code of the contracts.
fn generate(cache: &Cache) -> Result<(), String> {
    for file in CONTRACTS {
        let copy = Path::new(PEERS).join(file);
        let folder = copy.parent().unwrap_or(Path::new(PEERS));
        fs::create_dir_all(folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
        fs::copy(Path::new("proto").join(file), &copy)
            .map_err(|cause| format!("{}: {cause}", copy.display()))?;
    }
    let mut buf = Command::new(cache.bin().join("buf"));
    buf.arg("generate");
    run(buf.current_dir(PEERS).env("PATH", cache.path()))
}

fn measure(cache: &Cache, suite: &Suite, words: &[&str]) -> Result<(), String> {
    let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    let target = PathBuf::from(target);
    // Stores lie here: /tmp may be in memory.
    let folder = target.join("bench");
    fs::create_dir_all(&folder).map_err(|cause| format!("{}: {cause}", folder.display()))?;
    let folder = fs::canonicalize(&folder).map_err(|cause| cause.to_string())?;
    let mut bench = Command::new(target.join("release/muster-bench"));
    bench.arg(suite.name).args(words);
    run(bench.env("PATH", cache.path()).env("TMPDIR", folder))
}
