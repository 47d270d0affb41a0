//! A broker and a database that are reached within TLS.

use std::fs;
use std::path::Path;
use std::process::Command;

use muster_testkit::{Process, RabbitMq, Service, curl, eventually, find, free_port, run};
use tempfile::TempDir;

use crate::SOON;
use crate::pki::{Identity, Pki};

async fn ask(words: &[&str], shown: &Identity, ca: &str) -> String {
    curl(&[&shown.curl(ca)[..], words].concat()).await.ok()
}

/// Where a broker listens with TLS from now on, and asks for certificates.
async fn listen_with_tls(broker: &RabbitMq, shown: &Identity, ca: &str) -> String {
    let port = free_port();
    let (cert, key) = (&shown.cert, &shown.key);
    let listen = format!(
        r#"application:ensure_all_started(ssl),
        rabbit_networking:start_ssl_listener({{"127.0.0.1", {port}}}, [{{cacertfile, "{ca}"}},
        {{certfile, "{cert}"}}, {{keyfile, "{key}"}}, {{verify, verify_peer}},
        {{fail_if_no_peer_cert, true}}], 1)."#
    );
    broker.rabbitmqctl(&["eval", &listen]).await;
    format!("amqps://guest:guest@localhost:{port}/%2f")
}

#[tokio::test]
async fn a_completed_task_gets_to_a_broker_that_asks_for_certificates() {
    let (pki, broker) = (Pki::new("own"), RabbitMq::start().await);
    let (own, ca) = (pki.issue("tasks"), pki.ca());
    let url = listen_with_tls(&broker, &pki.issue("broker"), &ca).await;
    let settings = [&["--bus", &*url][..], &own.mutual(&ca)].concat();
    let tasks = Service::start("muster-tasks", &settings).await;
    let task = format!("https://{}/tasks/1", tasks.addr());
    ask(&["-X", "PATCH", "-d", r#"{"status":1}"#, &task], &own, &ca).await;
    eventually(SOON, || async {
        let messages = broker.messages_in("tasks_completed").await;
        (messages == Some(1)).then_some(())
    })
    .await;
}

/// A MariaDB with a user `tasks` who has to show a certificate.
struct MariaDb {
    port: u16,
    _process: Process,
    _folder: TempDir,
}

impl MariaDb {
    async fn start(shown: &Identity, ca: &str) -> MariaDb {
        let folder = tempfile::tempdir().unwrap();
        let (port, at) = (free_port(), folder.path());
        let mut install = tokio::process::Command::new(find("mariadb-install-db"));
        install
            .args(["--no-defaults", "--skip-test-db"])
            .args(folders(at));
        run(&mut install, "").await.ok();
        let init = at.join("init.sql");
        let statements = "CREATE DATABASE IF NOT EXISTS tasks;\n\
            CREATE USER IF NOT EXISTS 'tasks'@'%' IDENTIFIED BY 'secret' REQUIRE X509;\n\
            GRANT ALL ON tasks.* TO 'tasks'@'%';\n";
        fs::write(&init, statements).unwrap();
        let mut command = Command::new(find("mariadbd"));
        command.arg("--no-defaults").args(folders(at)).args([
            format!("--socket={}", at.join("socket").display()),
            format!("--init-file={}", init.display()),
            format!("--port={port}"),
            format!("--ssl-cert={}", shown.cert),
            format!("--ssl-key={}", shown.key),
            format!("--ssl-ca={ca}"),
            "--bind-address=127.0.0.1".to_owned(),
            "--skip-name-resolve".to_owned(),
            "--innodb-buffer-pool-size=32M".to_owned(),
        ]);
        MariaDb {
            port,
            _process: Process::spawn(&mut command),
            _folder: folder,
        }
    }

    fn url(&self) -> String {
        let port = self.port;
        format!("mysql://tasks:secret@127.0.0.1:{port}/tasks?ssl-mode=verify_identity")
    }
}

/// Its own folder for temporary files too: a server that starts deletes those of others.
fn folders(folder: &Path) -> [String; 3] {
    [
        format!("--datadir={}", folder.join("data").display()),
        format!("--tmpdir={}", folder.display()),
        // It refuses to run as root unless it is told so.
        format!("--user={}", user()),
    ]
}

fn user() -> String {
    std::env::var("USER").unwrap_or_else(|_| "root".to_owned())
}

#[tokio::test]
async fn tasks_lie_in_a_database_that_asks_for_certificates() {
    let (pki, foreign) = (Pki::new("own"), Pki::new("foreign"));
    let (own, ca) = (pki.issue("tasks"), pki.ca());
    let database = MariaDb::start(&pki.issue("database"), &ca).await;
    let url = database.url();
    let store = ["--store", &*url];
    let tasks = Service::start("muster-tasks", &[&store[..], &own.mutual(&ca)].concat()).await;
    let listed = ask(&[&format!("https://{}/tasks", tasks.addr())], &own, &ca).await;
    assert!(listed.contains(r#""id":1"#), "{listed}");
    let foreign = foreign.ca();
    let doubting = ["--tls-ca", &*foreign];
    let mut tasks = Service::launch("muster-tasks", &[&store[..], &doubting].concat()).await;
    eventually(SOON, || {
        let told = tasks.process().transcript().contains("UnknownIssuer");
        std::future::ready(told.then_some(()))
    })
    .await;
}
