//! A real MariaDB, of the version that Debian ships (10.11).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Process, eventually, find, free_port, run};

const START_DEADLINE: Duration = Duration::from_secs(60);

/// One server with its own data folder on its own port, which it keeps through restarts. `root` has no password.
#[derive(Debug)]
pub struct MariaDb {
    addr: SocketAddr,
    folder: TempDir,
    process: Process,
}

impl MariaDb {
    /// Starts an empty server and waits until it answers.
    ///
    /// # Panics
    /// When it is not installed, or does not answer within a minute.
    pub async fn start() -> MariaDb {
        MariaDb::start_on(Ipv4Addr::LOCALHOST.into()).await
    }

    /// One at another address of this machine, where `root` is not let in: see [`MariaDb::let_in`].
    ///
    /// # Panics
    /// When it is not installed, or does not answer within a minute.
    pub async fn start_on(ip: IpAddr) -> MariaDb {
        let folder = tempfile::tempdir().expect("no folder for the data of MariaDB");
        install(folder.path()).await;
        let addr = SocketAddr::new(ip, free_port());
        let process = spawn(addr, folder.path());
        let mut server = MariaDb {
            addr,
            folder,
            process,
        };
        server.wait_ready().await;
        server
    }

    /// Where clients reach a database of that name, which is made unless it is there:
    /// `mysql://root@127.0.0.1:PORT/NAME`.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn url(&self, database: &str) -> String {
        self.sql(&format!("CREATE DATABASE IF NOT EXISTS `{database}`"))
            .await;
        format!("mysql://root@{}/{database}", self.addr)
    }

    /// Makes a database of that name, and a user who may do anything in it from anywhere.
    ///
    /// # Panics
    /// When the server does not answer.
    pub async fn let_in(&self, user: &str, password: &str, database: &str) {
        self.sql(&format!(
            "CREATE DATABASE `{database}`;
             CREATE USER '{user}'@'%' IDENTIFIED BY '{password}';
             GRANT ALL ON `{database}`.* TO '{user}'@'%';"
        ))
        .await;
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The process, to freeze it for example.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        self.process.sigkill();
    }

    /// Starts it again on what it had stored, at the same address; kills it first if it still runs.
    pub async fn restart(&mut self) {
        self.kill();
        self.process = spawn(self.addr, self.folder.path());
        self.wait_ready().await;
    }

    /// Runs statements and gives what they answer: a row a line, its columns separated by tabs, without a header.
    /// A table is named with its database: `shop.orders`.
    ///
    /// # Panics
    /// When one fails.
    pub async fn sql(&self, statements: &str) -> String {
        run(&mut self.client(statements), "").await.ok()
    }

    fn client(&self, statements: &str) -> tokio::process::Command {
        let mut client = tokio::process::Command::new(find("mariadb"));
        client.args(["--no-defaults", "--batch", "--skip-column-names"]);
        client.arg("--socket").arg(socket(self.folder.path()));
        client.args(["--user=root", "--execute", statements]);
        client
    }

    async fn wait_ready(&mut self) {
        let process = &mut self.process;
        eventually(START_DEADLINE, || {
            let ended = process.ended();
            assert!(ended.is_none(), "ended: {}", process.transcript());
            // What it prints when it takes connections.
            let is_ready = process.stderr().contains("ready for connections");
            std::future::ready(is_ready.then_some(()))
        })
        .await;
    }
}

fn socket(folder: &Path) -> std::path::PathBuf {
    folder.join("socket")
}

/// Writes the tables that a server itself needs.
async fn install(folder: &Path) {
    let mut command = tokio::process::Command::new(find("mariadb-install-db"));
    command.args([
        "--no-defaults",
        "--skip-test-db",
        "--auth-root-authentication-method=normal",
    ]);
    command.args(folders(folder)).args(as_root());
    run(&mut command, "").await.ok();
}

fn spawn(addr: SocketAddr, folder: &Path) -> Process {
    let mut command = Command::new(find("mariadbd"));
    command.arg("--no-defaults").args(as_root());
    command.args(folders(folder));
    command.arg(format!("--socket={}", socket(folder).display()));
    command.arg(format!("--bind-address={}", addr.ip()));
    command.arg(format!("--port={}", addr.port()));
    command.args([
        "--skip-name-resolve",
        // What is committed is on disk.
        "--innodb-flush-log-at-trx-commit=1",
        "--innodb-buffer-pool-size=32M",
        "--innodb-log-file-size=32M",
        "--performance-schema=OFF",
        "--skip-log-bin",
        "--max-connections=200",
    ]);
    Process::spawn(&mut command)
}

/// Its own folder for temporary files too: a server that starts deletes those of others.
fn folders(folder: &Path) -> [String; 2] {
    let data = format!("--datadir={}", folder.join("data").display());
    [data, format!("--tmpdir={}", folder.display())]
}

/// It refuses to run as root unless it is told so.
fn as_root() -> Option<&'static str> {
    rustix::process::geteuid()
        .is_root()
        .then_some("--user=root")
}
