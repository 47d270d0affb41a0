//! The TLS flags, with that program's rules for what goes together.

use std::path::PathBuf;

use super::Failure;
use crate::config::Environment;
use crate::tls::{BadFile, Dial, File, Files, Tls};

const CA_CERT: &str = "tls-ca-cert";
const CLIENT_CERT: &str = "tls-client-cert";
const CLIENT_KEY: &str = "tls-client-key";

/// The TLS flags.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFlags {
    is_on: bool,
    no_verify: bool,
    ca_cert: Option<String>,
    client_cert: Option<String>,
    client_key: Option<String>,
    server_name: Option<String>,
}

impl TlsFlags {
    /// Sets a switch; whether it is one of these.
    pub(super) fn switch(&mut self, name: &str, on: bool) -> bool {
        match name {
            "tls" => self.is_on = on,
            "tls-no-verify" => self.no_verify = on,
            _ => return false,
        }
        true
    }

    /// Sets a value; whether it is one of these.
    pub(super) fn set(&mut self, name: &str, value: &str) -> bool {
        let flag = match name {
            CA_CERT => &mut self.ca_cert,
            CLIENT_CERT => &mut self.client_cert,
            CLIENT_KEY => &mut self.client_key,
            "tls-server-name" => &mut self.server_name,
            _ => return false,
        };
        *flag = (!value.is_empty()).then(|| value.to_owned());
        true
    }

    /// Whether they go together.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let (cert, key) = (self.client_cert.is_some(), self.client_key.is_some());
        let (ca, name) = (self.ca_cert.is_some(), self.server_name.is_some());
        let without_tls = [
            (self.no_verify, "tls-no-verify"),
            (ca, CA_CERT),
            (cert, CLIENT_CERT),
            (key, CLIENT_KEY),
            (name, "tls-server-name"),
        ];
        let idle = without_tls.iter().find(|(given, _)| *given && !self.is_on);
        let why = match idle {
            Some((_, flag)) => format!("specified -{flag} without specifying -tls"),
            None if cert && !key => {
                format!("specified -{CLIENT_CERT} without specifying -{CLIENT_KEY}")
            }
            None if key && !cert => {
                format!("specified -{CLIENT_KEY} without specifying -{CLIENT_CERT}")
            }
            None if self.no_verify && ca => {
                format!("cannot specify -{CA_CERT} with -tls-no-verify (it would not be used)")
            }
            None if self.no_verify && name => {
                "cannot specify -tls-server-name with -tls-no-verify (it would not be used)"
                    .to_owned()
            }
            None => return Ok(()),
        };
        Err(Failure::Usage(why))
    }

    /// The same; without a flag, those that fit a server with this environment, which is asked by itself.
    pub(super) fn or_of_server(self, environment: &Environment) -> Self {
        let set = |name: &str| environment.get(name).filter(|path| !path.is_empty());
        match set("MUSTER_TLS_CERT") {
            Some(cert) if self == Self::default() => Self {
                is_on: true,
                no_verify: true,
                client_cert: Some(cert.clone()),
                client_key: set("MUSTER_TLS_KEY").cloned(),
                ..self
            },
            _ => self,
        }
    }

    /// How to dial with them.
    ///
    /// # Errors
    /// A file is missing, or holds something else.
    pub(super) fn dial(&self) -> Result<Dial, Failure> {
        if !self.is_on {
            return Ok(Dial::Plain);
        }
        let file = |flag, path: &Option<String>| {
            let path = path.as_ref().map(PathBuf::from);
            path.map(|path| File { flag, path })
        };
        let files = Files {
            cert: file(CLIENT_CERT, &self.client_cert),
            key: file(CLIENT_KEY, &self.client_key),
            client_ca: None,
            ca: file(CA_CERT, &self.ca_cert),
            believes_all: self.no_verify,
        };
        let bad = |bad: BadFile| {
            let why = format!("failed to initialize tls credentials: -{}: {bad}", bad.flag);
            Failure::Credentials(why)
        };
        let dial = Tls::read(files).map_err(bad)?.address_with_tls();
        Ok(match &self.server_name {
            Some(name) => dial.named(name),
            None => dial,
        })
    }
}
