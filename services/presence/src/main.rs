//! Who is here: a replicated vote for each user.

use std::process::ExitCode;

use muster_presence::config::Config;
use muster_presence::{SERVICE, run};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    muster_kit::process::main(&SERVICE, Config::read, run)
}
