//! The live edge to browsers.

use std::process::ExitCode;

use muster_gateway::config::Config;
use muster_gateway::{SERVICE, run};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    muster_kit::process::main(&SERVICE, Config::read, run)
}
