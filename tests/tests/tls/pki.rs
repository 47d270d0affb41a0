//! Authorities and certificates in files.

use std::fs;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use tempfile::TempDir;

/// By which names the services of these tests are called.
const NAMES: [&str; 4] = ["localhost", "127.0.0.1", "users", "notificator"];

/// A CA with its certificates: `ca.pem` beside the others.
pub(crate) struct Pki {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, by their paths.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) cert: String,
    pub(crate) key: String,
}

impl Pki {
    pub(crate) fn new(name: &str) -> Pki {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Pki { folder, issuer }
    }

    /// The path of the CA's own certificate.
    pub(crate) fn ca(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    /// One that is valid.
    pub(crate) fn issue(&self, file: &str) -> Identity {
        self.write(
            file,
            CertificateParams::new(NAMES.map(str::to_owned)).unwrap(),
        )
    }

    /// One that was valid once.
    pub(crate) fn issue_expired(&self, file: &str) -> Identity {
        let mut params = CertificateParams::new(NAMES.map(str::to_owned)).unwrap();
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        self.write(file, params)
    }

    fn write(&self, file: &str, mut params: CertificateParams) -> Identity {
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (cert, secret) = (format!("{file}.pem"), format!("{file}.key"));
        fs::write(self.path(&cert), certificate.pem()).unwrap();
        fs::write(self.path(&secret), key.serialize_pem()).unwrap();
        let path = |name: &str| self.path(name).display().to_string();
        Identity {
            cert: path(&cert),
            key: path(&secret),
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }
}

impl Identity {
    /// The settings of a service that shows it, and asks callers for one of this CA.
    pub(crate) fn mutual<'a>(&'a self, ca: &'a str) -> [&'a str; 6] {
        let (cert, key) = (&*self.cert, &*self.key);
        ["--tls-cert", cert, "--tls-key", key, "--tls-client-ca", ca]
    }

    /// The flags of `muster`'s commands.
    pub(crate) fn client<'a>(&'a self, ca: &'a str) -> [&'a str; 6] {
        let (cert, key) = (&*self.cert, &*self.key);
        ["--tls-cert", cert, "--tls-key", key, "--tls-ca", ca]
    }

    /// The flags of curl.
    pub(crate) fn curl<'a>(&'a self, ca: &'a str) -> [&'a str; 6] {
        let (cert, key) = (&*self.cert, &*self.key);
        ["--cert", cert, "--key", key, "--cacert", ca]
    }

    /// The flags of grpcurl.
    pub(crate) fn grpcurl<'a>(&'a self, ca: &'a str) -> [&'a str; 6] {
        let (cert, key) = (&*self.cert, &*self.key);
        ["-cert", cert, "-key", key, "-cacert", ca]
    }
}
