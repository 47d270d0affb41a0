//! TLS of the client commands: the flags, or the variables, that services have as well.

use std::path::PathBuf;

use clap::{Arg, ArgMatches};
use muster_kit::config::environment;
use muster_kit::tls::{BadFile, Dial, File, Files, Tls};

use super::{Failure, text};

const CA: &str = "tls-ca";
const CERT: &str = "tls-cert";
const KEY: &str = "tls-key";

/// `--tls-ca`, `--tls-cert`, `--tls-key`.
pub(crate) fn args() -> [Arg; 3] {
    let file = |name: &'static str, what: &str| {
        let arg = Arg::new(name).long(name).global(true).value_name("FILE");
        arg.help(format!("{what} [env: {}]", variable(name)))
    };
    [
        file(
            CA,
            "Speak TLS, and believe certificates of this CA (PEM) instead of the web's",
        ),
        file(CERT, "Speak TLS, and show this certificate (PEM)"),
        file(KEY, "Private key (PEM) of that certificate"),
    ]
}

/// How to dial an address that may be written as a URL, and its `host:port`.
pub(crate) fn dial<'a>(matches: &ArgMatches, addr: &'a str) -> Result<(Dial, &'a str), Failure> {
    let files = Files {
        cert: file(matches, CERT),
        key: file(matches, KEY),
        client_ca: None,
        ca: file(matches, CA),
        believes_all: false,
    };
    let bad = |bad: BadFile| Failure::usage(format_args!("--{}: {bad}", bad.flag));
    let tls = Tls::read(files).map_err(bad)?;
    match addr.strip_prefix("https://") {
        Some(addr) => Ok((tls.address_with_tls(), addr.trim_end_matches('/'))),
        None => Ok((tls.address(), addr)),
    }
}

fn file(matches: &ArgMatches, flag: &'static str) -> Option<File> {
    let path = match text(matches, flag) {
        "" => environment().remove(&variable(flag)).unwrap_or_default(),
        given => given.to_owned(),
    };
    let path = PathBuf::from(path);
    (!path.as_os_str().is_empty()).then_some(File { flag, path })
}

fn variable(flag: &str) -> String {
    format!("MUSTER_{}", flag.to_uppercase().replace('-', "_"))
}
