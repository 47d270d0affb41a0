//! Mail that is never lost.

use std::process::ExitCode;

use muster_notificator::config::Config;
use muster_notificator::{SERVICE, run};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    muster_kit::process::main(&SERVICE, Config::read, run)
}
