//! How the suite ships: the images, docker-compose.yml and the Helm chart, as the programs see them that read them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod backends;
mod chart;
mod compose;
mod dockerfile;
mod health_test;
mod helm;
mod manifests;
mod monitoring;
mod network_policy;
mod notes;
mod reach;
mod readme;
mod scaling;
mod schemas;
mod score;
mod talk;
mod tls;
mod tls_run;
mod upgrade;

use std::path::PathBuf;

use muster_testkit::{run, target_dir};
use tokio::process::Command;

/// A service as its image has it.
struct Shipped {
    name: &'static str,
    /// Where it listens in its container.
    port: u16,
    /// Where `docker compose` publishes that.
    host_port: u16,
    /// Whether it keeps something.
    stored: bool,
}

const SERVICES: [Shipped; 7] = [
    shipped("activity", 50051, 50051, true),
    shipped("conflicts", 7070, 7070, false),
    shipped("gateway", 3080, 3080, false),
    shipped("notificator", 8082, 8801, true),
    shipped("presence", 9002, 9002, false),
    shipped("tasks", 3333, 3333, true),
    shipped("users", 8081, 8802, true),
];

const fn shipped(name: &'static str, port: u16, host_port: u16, stored: bool) -> Shipped {
    Shipped {
        name,
        port,
        host_port,
        stored,
    }
}

#[test]
fn what_ships_is_every_service() {
    let mut services = muster_testkit::SERVICES;
    services.sort_unstable();
    assert_eq!(SERVICES.map(|service| service.name), services);
}

/// A file or folder of the project.
fn path(of: &str) -> PathBuf {
    muster_tests::root().join(of)
}

/// Fails unless a binary knows every setting that is given to it: of one that it does not know it says nothing.
async fn assert_known<'a>(binary: &str, variables: impl IntoIterator<Item = &'a str>) {
    let help = help(binary).await;
    for variable in variables {
        let own = variable.starts_with("MUSTER_");
        let known = help.contains(&format!("[env: {variable}]"))
            || help.contains(&format!("[env: {variable},"))
            || help.contains(&format!(", {variable}]"));
        assert!(!own || known, "{binary} knows no {variable}");
    }
}

/// What a binary says about itself.
async fn help(binary: &str) -> String {
    let command = if binary == "muster" {
        &["up", "--help"][..]
    } else {
        &["--help"]
    };
    let mut program = Command::new(target_dir().join(binary));
    // One line for each setting.
    let words = run(program.args(command).env("COLUMNS", "1000"), "");
    words.await.ok()
}
