//! What the suite tells of itself: metrics as docs/observability.md has them, alerts and dashboards as Prometheus reads
//! them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod alerts;
mod dashboards;
mod disk;
mod exposition;
mod prometheus;
mod reality;
mod selectors;
mod shared;
mod table;

use std::path::PathBuf;

/// A file or folder of the project.
fn path(of: &str) -> PathBuf {
    muster_tests::root().join(of)
}

fn read(of: &str) -> String {
    std::fs::read_to_string(path(of)).unwrap()
}
