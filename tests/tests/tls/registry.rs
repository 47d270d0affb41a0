//! Services that find each other in an etcd which asks for certificates as they do.

use muster_testkit::{Process, Service, curl, eventually, find, free_port};
use tempfile::TempDir;

use crate::SOON;
use crate::pki::{Identity, Pki};

/// An etcd that asks for certificates.
struct Etcd {
    addr: String,
    _process: Process,
    _data: TempDir,
}

impl Etcd {
    fn start(shown: &Identity, ca: &str) -> Etcd {
        let data = tempfile::tempdir().unwrap();
        let (port, peers) = (free_port(), free_port());
        let (url, peers) = (
            format!("https://127.0.0.1:{port}"),
            format!("http://127.0.0.1:{peers}"),
        );
        let mut command = std::process::Command::new(find("etcd"));
        command.arg("--data-dir").arg(data.path());
        for (flag, value) in [
            ("--listen-client-urls", &*url),
            ("--advertise-client-urls", &url),
            ("--listen-peer-urls", &peers),
            ("--initial-advertise-peer-urls", &peers),
            ("--initial-cluster", &format!("default={peers}")),
            ("--cert-file", &shown.cert),
            ("--key-file", &shown.key),
            ("--trusted-ca-file", ca),
        ] {
            command.args([flag, value]);
        }
        let process = Process::spawn(command.arg("--client-cert-auth"));
        Etcd {
            addr: url,
            _process: process,
            _data: data,
        }
    }
}

#[tokio::test]
async fn a_sign_up_becomes_a_mail_where_all_show_certificates_and_etcd_too() {
    let pki = Pki::new("own");
    let ca = pki.ca();
    let etcd = Etcd::start(&pki.issue("etcd"), &ca);
    let [mailer, users, caller] = ["mailer", "users", "caller"].map(|name| pki.issue(name));
    let settings = |of: &Identity| {
        let mutual = of.mutual(&ca).map(str::to_owned);
        [&["--etcd".to_owned(), etcd.addr.clone()][..], &mutual].concat()
    };
    let start = async |binary: &str, of: &Identity| {
        let settings = settings(of);
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        Service::start(binary, &settings).await
    };
    let notificator = start("muster-notificator", &mailer).await;
    let users = start("muster-users", &users).await;
    let create = format!("https://{}/create", users.addr());
    let body = ["-d", r#"{"email":"test"}"#, &create];
    let created = curl(&[&caller.curl(&ca)[..], &body].concat()).await.ok();
    assert_eq!(created, r#"{"e0":null}"#);
    eventually(SOON, || async {
        let mails = notificator.mails();
        mails
            .iter()
            .any(|mail| mail.contains("test@localhost"))
            .then_some(())
    })
    .await;
}
