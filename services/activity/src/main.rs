//! What happened: a durable, idempotent event store.

use std::process::ExitCode;

use muster_activity::config::Config;
use muster_activity::{SERVICE, run};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    muster_kit::process::main(&SERVICE, Config::read, run)
}
