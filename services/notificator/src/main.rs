//! Mail that is never lost.

use std::process::ExitCode;

use muster_notificator::config::Config;
use muster_notificator::{SERVICE, run};

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // The one provider of TLS in this graph; lettre finds it here.
    let _already = rustls::crypto::aws_lc_rs::default_provider().install_default();
    muster_kit::process::main(&SERVICE, Config::read, run)
}
