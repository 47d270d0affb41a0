//! The parts of the Rust toolchain beyond the compiler.

use std::path::Path;
use std::process::Command;

use crate::command::{cargo, run, succeeds};

/// The target of the static binaries: this machine, without its libc.
pub(crate) fn musl() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

/// Adds what the toolchain that is in use lacks.
pub(crate) fn complete() -> Result<(), String> {
    for component in ["fmt", "clippy"] {
        if !succeeds(&mut cargo(&format!("{component} --version"))) {
            rustup(&["component", "add", "rustfmt", "clippy"])?;
        }
    }
    if has_musl()? {
        Ok(())
    } else {
        rustup(&["target", "add", &musl()])
    }
}

fn has_musl() -> Result<bool, String> {
    let printed = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = printed.map_err(|cause| format!("rustc: {cause}"))?.stdout;
    let sysroot = String::from_utf8_lossy(&sysroot).trim_end().to_owned();
    Ok(Path::new(&sysroot)
        .join("lib/rustlib")
        .join(musl())
        .is_dir())
}

fn rustup(args: &[&str]) -> Result<(), String> {
    run(Command::new("rustup").args(args))
}
