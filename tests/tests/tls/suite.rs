//! `muster certs`, and all of `muster up` with what it makes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use muster_testkit::{Output, Service, curl, eventually, program, run};

use crate::SOON;
use crate::pki::Identity;
use crate::web_socket::WebSocket;

async fn muster(words: &[&str]) -> Output {
    run(
        tokio::process::Command::from(program("muster")).args(words),
        "",
    )
    .await
}

/// What `muster certs` makes in a folder, and its CA.
async fn certs(folder: &Path) -> (Identity, String) {
    muster(&["certs", "--dir", &folder.display().to_string()])
        .await
        .ok();
    let path = |name: &str| folder.join(name).display().to_string();
    let identity = Identity {
        cert: path("tls.pem"),
        key: path("tls.key"),
    };
    (identity, path("ca.pem"))
}

#[tokio::test]
async fn a_second_run_of_certs_keeps_the_ca_and_hides_the_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (own, ca) = certs(folder.path()).await;
    let (first_ca, first) = (fs::read(&ca).unwrap(), fs::read(&own.cert).unwrap());
    certs(folder.path()).await;
    assert_eq!(fs::read(&ca).unwrap(), first_ca);
    assert_ne!(fs::read(&own.cert).unwrap(), first);
    for secret in ["ca.key", "tls.key"] {
        let meta = fs::metadata(folder.path().join(secret)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600, "{secret}");
    }
    fs::remove_file(folder.path().join("ca.key")).unwrap();
    let refused = muster(&["certs", "--dir", &folder.path().display().to_string()]).await;
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        refused.stderr.contains("ca.pem is there without ca.key"),
        "{}",
        refused.stderr
    );
    assert_eq!(fs::read(&ca).unwrap(), first_ca);
}

#[tokio::test]
async fn the_whole_suite_works_where_everybody_shows_a_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (own, ca) = certs(folder.path()).await;
    let suite = Service::suite(&own.mutual(&ca)).await;
    let ask = async |words: &[&str]| curl(&[&own.curl(&ca)[..], words].concat()).await.ok();

    let create = format!("https://{}/create", suite.addr_of("users"));
    assert_eq!(
        ask(&["-d", r#"{"email":"test"}"#, &create]).await,
        r#"{"e0":null}"#
    );
    eventually(SOON, || std::future::ready(suite.mails().pop())).await;

    let page = format!("https://{}/index.html", suite.addr_of("web"));
    assert!(ask(&[&page]).await.contains("<html"));
    let mut socket = WebSocket::connect(&suite.addr_of("gateway"), &own, &ca).await;
    socket.send(r#"{"type":"subscribe","user_id":1}"#).await;
    let task = format!("https://{}/tasks/1", suite.addr_of("tasks"));
    ask(&["-X", "PATCH", "-d", r#"{"status":1}"#, &task]).await;
    let frame = socket.next().await;
    assert_eq!(frame["task"]["id"], 1, "{frame}");
    socket.close().await;

    let at = suite.addr_of("tasks");
    let words = [
        &["tasks", "list", "--json", "--addr", &at][..],
        &own.client(&ca),
    ]
    .concat();
    assert!(
        muster(&words)
            .await
            .ok()
            .contains("\"status\":\"completed\"")
    );
    let https = format!("https://{at}");
    let told = muster(&["health", &https]).await;
    assert!(
        told.stderr.contains("UnknownIssuer"),
        "the web does not know it: {}",
        told.stderr
    );
}
