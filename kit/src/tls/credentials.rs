//! From the contents of the files to what handshakes are made with.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, Error, RootCertStore, ServerConfig};

use super::anyone::Anyone;
use super::files::{BadFile, Contents, File, Files};
use super::provider;

/// What handshakes are made with.
#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) server: Option<Arc<ServerConfig>>,
    /// Absent without files: made when it is asked for, which is seldom.
    client: Option<Arc<ClientConfig>>,
}

/// Who is believed to be who it says.
enum Trust {
    Roots(Arc<RootCertStore>),
    Anyone,
}

impl Credentials {
    /// What there is without files.
    pub(super) fn none() -> Self {
        Self {
            server: None,
            client: None,
        }
    }

    /// What to dial with.
    pub(super) fn client(&self) -> io::Result<Arc<ClientConfig>> {
        match &self.client {
            Some(client) => Ok(Arc::clone(client)),
            None => client(Trust::Roots(web_roots()), None)
                .map(Arc::new)
                .map_err(io::Error::other),
        }
    }
}

impl Contents {
    /// What can be made of them.
    ///
    /// # Errors
    /// Names the first file that is not what it should be.
    pub(super) fn credentials(&self, files: &Files) -> Result<Credentials, BadFile> {
        let shown = match (&files.cert, &files.key, &self.cert, &self.key) {
            (Some(cert), Some(key), Some(chain), Some(secret)) => {
                Some(identity((cert, chain), (key, secret))?)
            }
            _ => None,
        };
        let callers = roots(&files.client_ca, &self.client_ca)?;
        let called = roots(&files.ca, &self.ca)?.or_else(|| callers.clone());
        let trust = match files.believes_all {
            true => Trust::Anyone,
            false => Trust::Roots(called.unwrap_or_else(web_roots)),
        };
        let blamed = files.cert.as_ref().or(files.ca.as_ref());
        let bad = |error: Error| match blamed {
            Some(file) => file.bad(error),
            None => BadFile {
                flag: super::CERT,
                why: error.to_string(),
            },
        };
        let server = match &shown {
            Some(shown) => Some(Arc::new(server(Arc::clone(shown), callers).map_err(bad)?)),
            None => None,
        };
        let client = Arc::new(client(trust, shown).map_err(bad)?);
        Ok(Credentials {
            server,
            client: Some(client),
        })
    }
}

/// A certificate with the private key that fits it.
fn identity(cert: (&File, &[u8]), key: (&File, &[u8])) -> Result<Arc<CertifiedKey>, BadFile> {
    let chain = certificates(cert.0, cert.1)?;
    let secret = PrivateKeyDer::from_pem_slice(key.1)
        .map_err(|_| key.0.bad("holds no private key in PEM"))?;
    let fits = CertifiedKey::from_der(chain, secret, &provider());
    fits.map(Arc::new).map_err(|error| match error {
        Error::InconsistentKeys(_) => key.0.bad(format!(
            "does not fit the certificate in {}",
            cert.0.path.display()
        )),
        Error::InvalidCertificate(why) => cert.0.bad(format!("no valid certificate: {why:?}")),
        error => key.0.bad(error),
    })
}

fn certificates(file: &File, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, BadFile> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(file.bad("holds no certificate in PEM")),
    }
}

fn roots(
    file: &Option<File>,
    pem: &Option<Vec<u8>>,
) -> Result<Option<Arc<RootCertStore>>, BadFile> {
    let (Some(file), Some(pem)) = (file, pem) else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file, pem)? {
        roots.add(certificate).map_err(|error| file.bad(error))?;
    }
    Ok(Some(Arc::new(roots)))
}

/// The CAs that browsers believe.
fn web_roots() -> Arc<RootCertStore> {
    let roots = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
    Arc::new(roots)
}

fn server(
    shown: Arc<CertifiedKey>,
    callers: Option<Arc<RootCertStore>>,
) -> Result<ServerConfig, Error> {
    let builder = ServerConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions()?;
    let builder = match callers {
        Some(roots) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider()).build();
            builder.with_client_cert_verifier(verifier.map_err(|e| Error::General(e.to_string()))?)
        }
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn client(trust: Trust, shown: Option<Arc<CertifiedKey>>) -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_safe_default_protocol_versions()?;
    let builder = match trust {
        Trust::Roots(roots) => {
            let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider()).build();
            builder.with_webpki_verifier(verifier.map_err(|e| Error::General(e.to_string()))?)
        }
        Trust::Anyone => {
            let builder = builder.dangerous();
            builder.with_custom_certificate_verifier(Arc::new(Anyone))
        }
    };
    let mut config = match shown {
        Some(shown) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown))),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
