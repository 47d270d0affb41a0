//! Whether clients that believe a CA believe a certificate.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{Error, RootCertStore};

use super::THIS_MACHINE;

/// Looks at a certificate as clients do that believe the CA in this PEM.
///
/// # Errors
/// They do not believe it: the CA has another name, or another key.
pub(super) fn believed(ca: &[u8], shown: &CertificateDer<'_>) -> Result<(), Error> {
    let other = |error: &dyn std::fmt::Display| Error::General(error.to_string());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca).map_err(|error| other(&error))?)?;
    let provider = Arc::new(default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build();
    let verifier = verifier.map_err(|error| other(&error))?;
    let [name, ..] = THIS_MACHINE;
    let name = ServerName::try_from(name).map_err(|error| other(&error))?;
    let seen = verifier.verify_server_cert(shown, &[], &name, &[], UnixTime::now());
    seen.map(drop)
}
