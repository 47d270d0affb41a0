//! TLS towards a MariaDB: how much of it, and with which files.

use std::path::PathBuf;

use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use super::NoStoreUrl;
use crate::config::{BadSetting, Settings};
use crate::tls;

/// TLS towards a database. The files are read for each connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MySqlTls {
    mode: Mode,
    ca: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

/// By the names that the database's own client has for them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Disabled,
    Required,
    VerifyCa,
    VerifyIdentity,
}

impl MySqlTls {
    /// Reads what stands behind the `?` of a URL.
    pub(super) fn parse(options: Option<&str>) -> Result<Self, NoStoreUrl> {
        let mode = match options.map(|options| options.strip_prefix("ssl-mode=")) {
            None => Mode::Disabled,
            Some(Some(name)) => match name.to_ascii_lowercase().as_str() {
                "disabled" => Mode::Disabled,
                "required" => Mode::Required,
                "verify_ca" => Mode::VerifyCa,
                "verify_identity" => Mode::VerifyIdentity,
                _ => return Err(NoStoreUrl::Options),
            },
            Some(None) => return Err(NoStoreUrl::Options),
        };
        Ok(Self {
            mode,
            ..Self::default()
        })
    }

    /// Takes the files that the settings of the process name.
    pub(super) fn read_files(&mut self, settings: &Settings) -> Result<(), BadSetting> {
        self.ca = tls::believed(settings)?;
        self.cert = settings.optional(tls::CERT)?;
        self.key = settings.optional(tls::KEY)?;
        Ok(())
    }

    /// Tells sqlx.
    pub(super) fn apply(&self, options: MySqlConnectOptions) -> MySqlConnectOptions {
        let mut options = options.ssl_mode(match self.mode {
            Mode::Disabled => MySqlSslMode::Disabled,
            Mode::Required => MySqlSslMode::Required,
            Mode::VerifyCa => MySqlSslMode::VerifyCa,
            Mode::VerifyIdentity => MySqlSslMode::VerifyIdentity,
        });
        if let Some(ca) = &self.ca {
            options = options.ssl_ca(ca);
        }
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            options = options.ssl_client_cert(cert).ssl_client_key(key);
        }
        options
    }
}
