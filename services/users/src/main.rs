//! Accounts, each welcomed with a mail.

use std::process::ExitCode;

use muster_users::config::Config;
use muster_users::{SERVICE, run};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    muster_kit::process::main(&SERVICE, Config::read, run)
}
