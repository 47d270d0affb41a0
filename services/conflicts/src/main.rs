//! Double bookings in calendars.

use std::process::ExitCode;

use muster_conflicts::config::Config;
use muster_conflicts::{SERVICE, run};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    muster_kit::process::main(&SERVICE, Config::read, run)
}
