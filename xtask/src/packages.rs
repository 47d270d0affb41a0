//! Programs of the system: Debian packages, and what no package brings.

use std::env;
use std::path::Path;
use std::process::Command;

use crate::command::{on_path, run, succeeds};

/// What a test needs from Debian: the name of a program (or `import X` for a Python module), and its package.
const PACKAGES: [(&str, &str); 21] = [
    ("etcd", "etcd-server"),
    ("etcdctl", "etcd-client"),
    ("import aiosmtpd", "python3-aiosmtpd"),
    ("import venv, ensurepip", "python3-venv"),
    ("cc", "build-essential"),
    ("musl-gcc", "musl-tools"),
    ("curl", "curl"),
    ("git", "git"),
    ("npm", "npm"),
    ("unshare", "util-linux"),
    ("ip", "iproute2"),
    ("strace", "strace"),
    ("chromium", "chromium"),
    ("node", "nodejs"),
    ("rabbitmq-server", "rabbitmq-server"),
    ("epmd", "erlang-base"),
    ("mariadbd", "mariadb-server"),
    ("mariadb", "mariadb-client"),
    ("import pika", "python3-pika"),
    ("prometheus", "prometheus"),
    ("promtool", "prometheus"),
];

/// The engine that the tests of the images start where none runs. It cannot be had everywhere.
const ENGINE: [(&str, &str); 1] = [("dockerd", "docker.io")];
/// Where an engine listens that runs already.
const ENGINE_SOCKET: &str = "/var/run/docker.sock";

/// What tests need, and Go; and an engine for containers, without which some tests are not run.
pub(crate) fn install() -> Result<(), String> {
    require(&PACKAGES)?;
    if !Path::new(ENGINE_SOCKET).exists() && env::var_os("DOCKER_HOST").is_none() {
        require(&ENGINE).unwrap_or_else(|why| println!("no engine for containers: {why}"));
    }
    Ok(())
}

/// Installs the packages of `needed` that are missing when root, and names in one line what is missing otherwise.
pub(crate) fn require(needed: &[(&'static str, &'static str)]) -> Result<(), String> {
    let missing = missing(needed);
    if !missing.is_empty() && is_root() && on_path("apt-get").is_some() {
        apt_get(&["update", "-q"])?;
        apt_get(
            &[
                &["install", "-q", "-y", "--no-install-recommends"],
                missing.as_slice(),
            ]
            .concat(),
        )?;
    } else if !missing.is_empty() {
        return Err(format!("missing: apt-get install {}", missing.join(" ")));
    }
    // Debian's own is too old to fetch the one that tools/go.mod asks for.
    match on_path("go") {
        Some(_) => Ok(()),
        None => Err("missing: Go 1.26 or later, https://go.dev/dl".to_owned()),
    }
}

fn missing(needed: &[(&'static str, &'static str)]) -> Vec<&'static str> {
    needed
        .iter()
        .filter(|(what, _)| !present(what))
        .map(|(_, package)| *package)
        .collect()
}

fn present(what: &str) -> bool {
    match what.strip_prefix("import") {
        // Debian's own python3: another one on PATH does not see Debian's modules.
        Some(_) => succeeds(Command::new("/usr/bin/python3").args(["-c", what])),
        None => on_path(what).is_some(),
    }
}

fn is_root() -> bool {
    Command::new("id")
        .arg("-u")
        .output()
        .is_ok_and(|output| output.stdout == b"0\n")
}

fn apt_get(args: &[&str]) -> Result<(), String> {
    // RUNLEVEL=1: a server that is installed for tests is not started by its package.
    run(Command::new("apt-get")
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .env("RUNLEVEL", "1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_seen_to_be_missing() {
        assert!(present("sh"));
        assert!(!present("a-program-that-nobody-has"));
        assert!(!present("import a_module_that_nobody_has"));
    }
}
