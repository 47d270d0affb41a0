//! Who may call, and who is called.

use muster_testkit::{Output, Service, grpcurl, health_probe, program, run};

use crate::pki::Pki;

/// A service that asks for certificates, and its CA.
async fn service() -> (Pki, Service) {
    let pki = Pki::new("own");
    let shown = pki.issue("service");
    let service = Service::start("muster-activity", &shown.mutual(&pki.ca())).await;
    (pki, service)
}

async fn list(flags: &[&str], addr: &str) -> Output {
    let words = [flags, &["-connect-timeout", "5", addr, "list"]].concat();
    grpcurl(&words, "").await
}

async fn health(flags: &[&str], addr: &str) -> Output {
    let words = [&["health", addr][..], flags].concat();
    run(
        tokio::process::Command::from(program("muster")).args(words),
        "",
    )
    .await
}

#[tokio::test]
async fn a_caller_with_a_certificate_of_the_ca_is_served() {
    let (pki, service) = service().await;
    let (caller, ca) = (pki.issue("caller"), pki.ca());
    let listed = list(&caller.grpcurl(&ca), &service.addr()).await.ok();
    assert!(listed.contains("activityevents.ActivityEvents"), "{listed}");
    let told = health(&caller.client(&ca), &service.addr()).await.ok();
    assert_eq!(told.trim(), "status: SERVING");
}

#[tokio::test]
async fn a_caller_without_a_certificate_of_a_foreign_ca_or_with_an_expired_one_is_refused() {
    let (pki, service) = service().await;
    let (foreign, ca, addr) = (Pki::new("foreign"), pki.ca(), service.addr());
    let (stranger, expired) = (foreign.issue("caller"), pki.issue_expired("expired"));
    for (flags, why) in [
        (&["-cacert", &*ca][..], "certificate required"),
        // Go shows none where the CA that the server names is another.
        (&stranger.grpcurl(&ca), "certificate required"),
        (&expired.grpcurl(&ca), "expired certificate"),
        (&["-plaintext"], ""),
    ] {
        let refused = list(flags, &addr).await;
        assert!(!refused.status.success(), "{flags:?}: {}", refused.stdout);
        assert!(
            refused.stderr.contains(why),
            "{flags:?}: {}",
            refused.stderr
        );
    }
    for (flags, why) in [
        (&["--tls-ca", &*ca][..], "CertificateRequired"),
        (&stranger.client(&ca), "UnknownCA"),
        (&expired.client(&ca), "CertificateExpired"),
    ] {
        let refused = health(flags, &addr).await;
        assert_eq!(refused.status.code(), Some(2), "{flags:?}");
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn a_service_with_a_certificate_of_a_foreign_ca_or_an_expired_one_is_not_believed() {
    let (pki, foreign) = (Pki::new("own"), Pki::new("foreign"));
    for (shown, why) in [
        (foreign.issue("service"), "UnknownIssuer"),
        (pki.issue_expired("service"), "expired"),
    ] {
        let flags = ["--tls-cert", &shown.cert, "--tls-key", &shown.key];
        let service = Service::start("muster-activity", &flags).await;
        let refused = health(&["--tls-ca", &pki.ca()], &service.addr()).await;
        assert_eq!(refused.status.code(), Some(2));
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
}

#[tokio::test]
async fn an_address_beyond_loopback_needs_no_insecure_where_callers_show_certificates() {
    let pki = Pki::new("own");
    let (shown, ca) = (pki.issue("service"), pki.ca());
    let beyond = ["--listen", "0.0.0.0:0"];
    let open = [&beyond[..], &shown.mutual(&ca)].concat();
    Service::start("muster-conflicts", &open).await;
    let half = ["--tls-cert", &shown.cert, "--tls-key", &shown.key];
    let words = [&beyond[..], &half].concat();
    let refused = run(
        tokio::process::Command::from(program("muster-conflicts")).args(words),
        "",
    )
    .await;
    assert_eq!(refused.status.code(), Some(64));
    assert!(
        refused.stderr.contains("--tls-client-ca"),
        "{}",
        refused.stderr
    );
}

#[tokio::test]
async fn the_probe_speaks_tls_as_grpc_health_probe_does() {
    let (pki, service) = service().await;
    let (caller, ca) = (pki.issue("caller"), pki.ca());
    let addr = format!("-addr={}", service.addr());
    let shown = [
        format!("-tls-client-cert={}", caller.cert),
        format!("-tls-client-key={}", caller.key),
    ];
    let [cert, key] = shown.each_ref().map(String::as_str);
    let ca = format!("-tls-ca-cert={ca}");
    for (flags, code) in [
        (&["-tls", &*ca, cert, key][..], 0),
        (&["-tls", &ca, cert, key, "-tls-server-name=users"], 0),
        (&["-tls", &ca, cert, key, "-tls-server-name=other"], 2),
        (&["-tls", "-tls-no-verify", cert, key], 0),
        (&["-tls", cert, key], 2),
        (&["-tls", &ca], 2),
        (&[], 2),
        (&["-tls", "-tls-ca-cert=gone"], 1),
        (&[&ca], 1),
    ] {
        let words = [&[&*addr][..], flags].concat();
        let probed = health_probe("muster-activity", "grpc_health_probe", &words).await;
        let told = format!("{flags:?}: {} {}", probed.stdout, probed.stderr);
        assert_eq!(probed.status.code(), Some(code), "{told}");
    }
}

#[tokio::test]
async fn the_probe_of_an_image_knows_what_the_server_beside_it_speaks() {
    use std::os::unix::process::CommandExt;

    let (pki, service) = service().await;
    let own = pki.issue("activity");
    let port = service.addr().rsplit(':').next().unwrap().to_owned();
    let mut command = program("muster-activity");
    command
        .arg0("grpc-health-probe")
        .arg(format!("-addr=:{port}"))
        .env("MUSTER_TLS_CERT", &own.cert)
        .env("MUSTER_TLS_KEY", &own.key);
    let probed = run(&mut tokio::process::Command::from(command), "").await;
    assert_eq!(
        (probed.status.code(), probed.stdout.trim()),
        (Some(0), "status: SERVING"),
        "{}",
        probed.stderr
    );
}
