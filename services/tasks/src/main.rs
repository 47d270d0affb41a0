//! Tasks of users.

use std::process::ExitCode;

use muster_tasks::config::Config;
use muster_tasks::{SERVICE, run};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    muster_kit::process::main(&SERVICE, Config::read, run)
}
