//! TLS: what a process shows of itself, and whom it believes.
//!
//! The certificates are files (`--tls-cert`, `--tls-key`, `--tls-client-ca`, `--tls-ca`), and they change while the
//! process runs: they are read again, and whatever connects from then on uses the new ones. Connections that are there
//! go on. A peer that discovery knows is held to the name of its service, because the addresses of pods come and go;
//! one that a user names, to the host of its address.

mod anyone;
mod credentials;
mod dial;
mod files;
mod reload;
mod session;
mod stream;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

pub use self::dial::Dial;
pub use self::files::{BadFile, File, Files};
pub(crate) use self::stream::Dialled;
pub use self::stream::{Accepted, Stream};
use crate::config::{BadSetting, Settings};
use credentials::Credentials;

/// The settings, by their flags.
pub(crate) const CERT: &str = "tls-cert";
pub(crate) const KEY: &str = "tls-key";
pub(crate) const CLIENT_CA: &str = "tls-client-ca";
pub(crate) const CA: &str = "tls-ca";

/// Makes the one provider of cryptography in this graph the process's own, for the libraries that look for it there.
pub fn install() {
    let _already = aws_lc_rs::default_provider().install_default();
}

/// The file with the CAs whose certificates a process believes; `None`: those of the web.
///
/// # Errors
/// A setting is bad.
pub fn believed(settings: &Settings) -> Result<Option<PathBuf>, BadSetting> {
    Ok(settings.optional(CA)?.or(settings.optional(CLIENT_CA)?))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// The TLS of a process. Without files it serves and dials in the clear. Clones share what is read again.
#[derive(Debug, Clone)]
pub struct Tls {
    files: Arc<Files>,
    current: watch::Receiver<Arc<Credentials>>,
}

impl Default for Tls {
    /// Without files.
    fn default() -> Self {
        let current = watch::Sender::new(Arc::new(Credentials::none())).subscribe();
        let files = Arc::default();
        Self { files, current }
    }
}

impl Tls {
    /// What the settings say, and again and again what is in their files. Must be called within a runtime.
    ///
    /// # Errors
    /// Names the setting that is missing, or whose file is none.
    pub fn start(settings: &Settings) -> Result<Tls, BadSetting> {
        let file = |flag: &'static str| -> Result<Option<File>, BadSetting> {
            let path: Option<PathBuf> = settings.optional(flag)?;
            Ok(path.map(|path| File { flag, path }))
        };
        let files = Files {
            cert: file(CERT)?,
            key: file(KEY)?,
            client_ca: file(CLIENT_CA)?,
            ca: file(CA)?,
            believes_all: false,
        };
        let of_settings = |bad: BadFile| BadSetting::new(bad.flag, bad.why);
        let (tls, reloading) = Self::reloading(files).map_err(of_settings)?;
        tokio::spawn(reloading);
        Ok(tls)
    }

    /// What is in some files now.
    ///
    /// # Errors
    /// One is missing, or holds something else.
    pub fn read(files: Files) -> Result<Tls, BadFile> {
        Ok(Self::reloading(files)?.0)
    }

    fn reloading(files: Files) -> Result<(Tls, impl Future<Output = ()> + use<>), BadFile> {
        files.check()?;
        let contents = files.contents()?;
        let credentials = contents.credentials(&files)?;
        let (sender, current) = watch::channel(Arc::new(credentials));
        let reloading = reload::keep_fresh(files.clone(), contents, sender);
        let files = Arc::new(files);
        Ok((Tls { files, current }, reloading))
    }

    /// Whether callers have to show a certificate.
    pub fn authenticates(&self) -> bool {
        self.files.client_ca.is_some()
    }

    /// How to dial the instances of a service that discovery knows.
    pub fn service(&self, name: &str) -> Dial {
        match self.dials() {
            true => Dial::tls(self.clone(), Some(name)),
            false => Dial::Plain,
        }
    }

    /// How to dial an address that a user named, in the clear where nothing speaks for TLS.
    pub fn address(&self) -> Dial {
        match self.dials() {
            true => self.address_with_tls(),
            false => Dial::Plain,
        }
    }

    /// How to dial an address that a user named and said to speak TLS.
    pub fn address_with_tls(&self) -> Dial {
        Dial::tls(self.clone(), None)
    }

    fn dials(&self) -> bool {
        self.files.cert.is_some() || self.files.ca.is_some()
    }

    /// What to dial with, as the files are now.
    pub(crate) fn client(&self) -> io::Result<Arc<ClientConfig>> {
        self.current.borrow().client()
    }

    /// What shakes hands with who calls, by the files as they are now; `None`: callers are served in the clear.
    pub(crate) fn acceptor(&self) -> Option<TlsAcceptor> {
        let server = self.current.borrow().server.clone();
        server.map(TlsAcceptor::from)
    }
}
