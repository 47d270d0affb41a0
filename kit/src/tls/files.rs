//! The files that TLS is made of.

use std::fmt::Display;
use std::path::PathBuf;

use super::{CERT, KEY};

/// A file, and the flag that names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Without dashes: `tls-cert`.
    pub flag: &'static str,
    /// Where it is.
    pub path: PathBuf,
}

/// All of them, in PEM; each may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// The own certificate, and those between it and its CA.
    pub cert: Option<File>,
    /// Its private key.
    pub key: Option<File>,
    /// The CAs of those who may call.
    pub client_ca: Option<File>,
    /// The CAs of those who are called.
    pub ca: Option<File>,
    /// Whether those who are called are believed whatever they show.
    pub believes_all: bool,
}

/// What is wrong with one of the files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadFile {
    /// The flag that names the file, without dashes.
    pub flag: &'static str,
    /// One line that names the file.
    pub why: String,
}

/// What was in the files when they were read.
#[derive(PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) cert: Option<Vec<u8>>,
    pub(super) key: Option<Vec<u8>>,
    pub(super) client_ca: Option<Vec<u8>>,
    pub(super) ca: Option<Vec<u8>>,
}

impl File {
    pub(super) fn bad(&self, why: impl Display) -> BadFile {
        BadFile {
            flag: self.flag,
            why: format!("{}: {why}", self.path.display()),
        }
    }

    fn read(&self) -> Result<Vec<u8>, BadFile> {
        std::fs::read(&self.path).map_err(|error| self.bad(error))
    }
}

impl Files {
    /// Whether they go together.
    ///
    /// # Errors
    /// Names the one that goes with nothing.
    pub(super) fn check(&self) -> Result<(), BadFile> {
        let needs = |of: &Option<File>, other: &Option<File>, name: &str| match (of, other) {
            (Some(file), None) => Err(BadFile {
                flag: file.flag,
                why: format!("needs --{name} as well"),
            }),
            _ => Ok(()),
        };
        needs(&self.cert, &self.key, KEY)?;
        needs(&self.key, &self.cert, CERT)?;
        needs(&self.client_ca, &self.cert, CERT)
    }

    /// Reads them all.
    pub(super) fn contents(&self) -> Result<Contents, BadFile> {
        let read = |file: &Option<File>| file.as_ref().map(File::read).transpose();
        Ok(Contents {
            cert: read(&self.cert)?,
            key: read(&self.key)?,
            client_ca: read(&self.client_ca)?,
            ca: read(&self.ca)?,
        })
    }
}
