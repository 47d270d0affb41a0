//! The parts of the Rust toolchain beyond the compiler.

use std::path::PathBuf;
use std::process::Command;

use crate::command::{cargo, printed, run, succeeds};

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
    Ok(sysroot()?.join("lib/rustlib").join(musl()).is_dir())
}

/// Where the sources of the standard library lie if they are installed, and what the compiler calls that otherwise.
pub(crate) fn std_sources() -> Result<(PathBuf, String), String> {
    let version = rustc(&["-vV"])?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .ok_or("rustc -vV names no commit")?;
    let sources = sysroot()?.join("lib/rustlib/src/rust");
    Ok((sources, format!("/rustc/{commit}")))
}

fn sysroot() -> Result<PathBuf, String> {
    Ok(rustc(&["--print", "sysroot"])?.trim_end().into())
}

fn rustc(args: &[&str]) -> Result<String, String> {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    printed(rustc.args(args))
}

fn rustup(args: &[&str]) -> Result<(), String> {
    run(Command::new("rustup").args(args))
}
