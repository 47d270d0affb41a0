//! TLS on both ends of a connection, within one process.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use muster_kit::channel::Channel;
use muster_kit::config::Settings;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::{Limits, Server};
use muster_kit::tls::Tls;
use muster_proto::health::v1::HealthCheckRequest;
use muster_proto::health::v1::health_client::HealthClient;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::Status;

/// Longer than all that is waited for here.
const SOON: Duration = Duration::from_secs(20);

/// A CA, and certificates of it in files.
struct Pki {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    fn new() -> Pki {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ca = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("ca.pem"), ca.pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Pki { folder, issuer }
    }

    fn issue(&self, name: &str) -> [String; 2] {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let [cert, secret] = ["pem", "key"].map(|end| format!("{name}.{end}"));
        fs::write(self.path(&cert), certificate.pem()).unwrap();
        fs::write(self.path(&secret), key.serialize_pem()).unwrap();
        [cert, secret].map(|file| self.path(&file).display().to_string())
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn ca(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    fn tls(&self, name: &str) -> Tls {
        let [cert, key] = self.issue(name);
        tls(&[
            ("tls-cert", &cert),
            ("tls-key", &key),
            ("tls-client-ca", &self.ca()),
        ])
    }
}

fn tls(settings: &[(&str, &str)]) -> Tls {
    Tls::start(&Settings::for_test(settings)).unwrap()
}

async fn serve(context: Context, limits: Limits) -> (String, JoinHandle<()>) {
    let listener = Listener::on_free_port().await.unwrap();
    let addr = listener.local_addr().to_string();
    let server = Server::new(&context).limits(limits);
    let served = tokio::spawn(async move { server.serve(listener).await.unwrap() });
    (addr, served)
}

fn context(tls: Tls) -> Context {
    Context {
        tls,
        ..Context::for_test("test")
    }
}

async fn check(channel: Channel) -> Result<(), Status> {
    let request = HealthCheckRequest::default();
    let checked = HealthClient::new(channel).check(request).await;
    checked.map(drop)
}

#[tokio::test]
async fn who_shows_a_certificate_and_believes_the_right_name_is_served() {
    let pki = Pki::new();
    let (addr, _served) = serve(context(pki.tls("notificator")), Limits::default()).await;
    let own = pki.tls("users");
    check(own.service("notificator").one(&addr)).await.unwrap();
    let wrong = check(own.service("presence").one(&addr)).await.unwrap_err();
    assert!(wrong.message().contains("not valid for name"), "{wrong}");
    // The address is no name in the certificate.
    check(own.address().one(&addr)).await.unwrap_err();
}

#[tokio::test]
async fn who_shows_none_or_one_of_a_foreign_ca_or_speaks_no_tls_is_refused() {
    let (pki, foreign) = (Pki::new(), Pki::new());
    let (addr, _served) = serve(context(pki.tls("notificator")), Limits::default()).await;
    let none = tls(&[("tls-ca", &pki.ca())]);
    let refused = check(none.service("notificator").one(&addr))
        .await
        .unwrap_err();
    assert!(
        refused.message().contains("CertificateRequired"),
        "{refused}"
    );
    let [cert, key] = foreign.issue("users");
    let other = tls(&[
        ("tls-cert", &cert),
        ("tls-key", &key),
        ("tls-ca", &pki.ca()),
    ]);
    let refused = check(other.service("notificator").one(&addr))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable, "{refused}");
    check(Channel::to(&addr)).await.unwrap_err();
}

#[tokio::test]
async fn a_stalled_handshake_ends_at_its_deadline_and_holds_up_nobody() {
    let pki = Pki::new();
    let limits = Limits {
        preface_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    let (addr, _served) = serve(context(pki.tls("notificator")), limits).await;
    let start = Instant::now();
    let mut silent = TcpStream::connect(&addr).await.unwrap();
    let own = pki.tls("users");
    check(own.service("notificator").one(&addr)).await.unwrap();
    let ended = timeout(SOON, silent.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
    assert!(start.elapsed() >= Duration::from_millis(500));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_handshake() {
    let pki = Pki::new();
    let context = Context {
        drain: SOON,
        ..context(pki.tls("notificator"))
    };
    let stop = context.shutdown.clone();
    let (addr, served) = serve(context, Limits::default()).await;
    let _silent = TcpStream::connect(&addr).await.unwrap();
    // It is taken by now, because connections are taken in their order.
    let own = pki.tls("users");
    check(own.service("notificator").one(&addr)).await.unwrap();
    stop.cancel();
    timeout(SOON / 2, served).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_wrong_with_a_file_is_told_in_one_line_that_names_the_flag() {
    let (pki, foreign) = (Pki::new(), Pki::new());
    let ([cert, key], [other, _]) = (pki.issue("users"), foreign.issue("users"));
    let (ca, gone) = (pki.ca(), pki.path("gone").display().to_string());
    let (cert, key, ca) = (&*cert, &*key, &*ca);
    for (settings, told) in [
        (
            &[("tls-cert", cert)][..],
            "--tls-cert: needs --tls-key as well".to_owned(),
        ),
        (
            &[("tls-key", key)],
            "--tls-key: needs --tls-cert as well".to_owned(),
        ),
        (
            &[("tls-client-ca", ca)],
            "--tls-client-ca: needs --tls-cert as well".to_owned(),
        ),
        (
            &[("tls-ca", &gone)],
            format!("--tls-ca: {gone}: No such file or directory (os error 2)"),
        ),
        (
            &[("tls-ca", key)],
            format!("--tls-ca: {key}: holds no certificate in PEM"),
        ),
        (
            &[("tls-cert", cert), ("tls-key", cert)],
            format!("--tls-key: {cert}: holds no private key in PEM"),
        ),
        (
            &[("tls-cert", &other), ("tls-key", key)],
            format!("--tls-key: {key}: does not fit the certificate in {other}"),
        ),
    ] {
        let bad = Tls::start(&Settings::for_test(settings)).unwrap_err();
        assert_eq!(bad.to_string(), told);
    }
}
