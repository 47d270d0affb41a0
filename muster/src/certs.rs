//! `muster certs`: a CA for development, and a certificate of it that all services and clients can show.

mod check;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Datelike, Utc};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use muster_kit::process::say;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::client::{complain, text};
use crate::up::SERVICES;

/// The name of the command.
pub(crate) const NAME: &str = "certs";

const CA_NAME: &str = "muster development CA";
const CA_DAYS: u64 = 3650;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// By which names this machine is called.
const THIS_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// What others may read, and what they may not.
const OPEN: u32 = 0o644;
const SECRET: u32 = 0o600;

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("{0}: {1}")]
    File(String, io::Error),
    #[error("{0} is there without {1}: a CA is both, or made anew where neither is")]
    Half(&'static str, &'static str),
    #[error("{0}: {1}")]
    Certificate(String, rcgen::Error),
    #[error(
        "{0}: not a CA of this command with its key beside it ({1}): \
         move both away to have a new one, or name another folder with --dir"
    )]
    Foreign(String, rustls::Error),
}

/// The command line.
pub(crate) fn command() -> Command {
    Command::new(NAME)
        .about("Makes a CA for development, and a certificate of it for all services")
        .arg(
            Arg::new("dir")
                .long("dir")
                .value_name("DIR")
                .default_value("./muster-data/tls")
                .help("Where ca.pem, ca.key, tls.pem and tls.key lie; a CA that is there is kept"),
        )
        .arg(
            Arg::new("name")
                .long("name")
                .value_name("NAME")
                .action(ArgAction::Append)
                .help("Another name or address that the certificate is for"),
        )
        .arg(
            Arg::new("days")
                .long("days")
                .value_name("N")
                .value_parser(value_parser!(u64).range(1..=CA_DAYS))
                .default_value("365")
                .help("How long the certificate is valid"),
        )
}

/// Makes them, and says what to do with them.
pub(crate) fn run(matches: &ArgMatches) -> ExitCode {
    let folder = Path::new(text(matches, "dir"));
    let days = matches.get_one("days").copied().unwrap_or_default();
    let more = matches.get_many::<String>("name").unwrap_or_default();
    match make(folder, more.cloned(), days) {
        Ok(()) => {
            say(advice(folder));
            ExitCode::SUCCESS
        }
        Err(failure) => {
            complain(NAME, failure);
            ExitCode::FAILURE
        }
    }
}

fn make(folder: &Path, more: impl Iterator<Item = String>, days: u64) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|cause| at(folder, cause))?;
    let issuer = Issuer::new(ca(), ca_key(folder)?);
    let own = THIS_MACHINE.into_iter().chain(SERVICES.map(|of| of.name));
    let names: Vec<String> = own.map(str::to_owned).chain(more).collect();
    let bad = |error| Failure::Certificate(names.join(", "), error);
    let mut params = CertificateParams::new(names.clone()).map_err(bad)?;
    params.distinguished_name = named("muster");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    params.use_authority_key_identifier_extension = true;
    valid(&mut params, days);
    let key = KeyPair::generate().map_err(bad)?;
    let certificate = params.signed_by(&key, &issuer).map_err(bad)?;
    let ca = folder.join("ca.pem");
    let kept = fs::read(&ca).map_err(|cause| at(&ca, cause))?;
    check::believed(&kept, certificate.der())
        .map_err(|error| Failure::Foreign(ca.display().to_string(), error))?;
    replace(&folder.join("tls.key"), &key.serialize_pem(), SECRET)?;
    replace(&folder.join("tls.pem"), &certificate.pem(), OPEN)
}

/// The key of the CA that is there, or of a new one.
fn ca_key(folder: &Path) -> Result<KeyPair, Failure> {
    let (pem, key) = (folder.join("ca.pem"), folder.join("ca.key"));
    let bad = |error| Failure::Certificate(key.display().to_string(), error);
    match (pem.exists(), key.exists()) {
        (true, true) => {
            let kept = fs::read_to_string(&key).map_err(|cause| at(&key, cause))?;
            KeyPair::from_pem(&kept).map_err(bad)
        }
        (true, false) => Err(Failure::Half("ca.pem", "ca.key")),
        (false, true) => Err(Failure::Half("ca.key", "ca.pem")),
        (false, false) => {
            let made = KeyPair::generate().map_err(bad)?;
            let certificate = ca().self_signed(&made).map_err(bad)?;
            replace(&key, &made.serialize_pem(), SECRET)?;
            replace(&pem, &certificate.pem(), OPEN)?;
            Ok(made)
        }
    }
}

fn ca() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(CA_NAME);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, CA_DAYS);
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

/// From yesterday on, because clocks differ.
fn valid(params: &mut CertificateParams, days: u64) {
    let day = |of: SystemTime| {
        let of = DateTime::<Utc>::from(of);
        date_time_ymd(of.year(), of.month() as u8, of.day() as u8)
    };
    let now = SystemTime::now();
    params.not_before = day(now - DAY);
    params.not_after = day(now + DAY * u32::try_from(days + 1).unwrap_or(u32::MAX));
}

/// In one step: whoever reads the file meanwhile finds the old one or the new one.
fn replace(path: &Path, pem: &str, mode: u32) -> Result<(), Failure> {
    let new = path.with_extension("new");
    let written = || {
        // One that an earlier attempt left may have another mode.
        let _none = fs::remove_file(&new);
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(&new)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    written().map_err(|cause| at(path, cause))
}

fn at(path: &Path, cause: io::Error) -> Failure {
    Failure::File(path.display().to_string(), cause)
}

fn advice(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "{folder}/ca.pem   believe this CA: --tls-ca, and --tls-client-ca for callers\n\
         {folder}/tls.pem  show this certificate: --tls-cert\n\
         {folder}/tls.key  its private key: --tls-key\n\n\
         to try:\n  \
         muster up --tls-cert {folder}/tls.pem --tls-key {folder}/tls.key --tls-client-ca {folder}/ca.pem\n  \
         muster health localhost:9002 --tls-ca {folder}/ca.pem --tls-cert {folder}/tls.pem --tls-key {folder}/tls.key"
    )
}
