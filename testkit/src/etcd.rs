//! A real etcd, of the version that Debian ships (3.4), with its defaults.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::{Process, eventually, find, free_port, get};

const START_DEADLINE: Duration = Duration::from_secs(20);

/// One etcd with its own data folder on its own ports, which it keeps through restarts.
#[derive(Debug)]
pub struct Etcd {
    client: SocketAddr,
    peer_port: u16,
    data: TempDir,
    process: Process,
}

impl Etcd {
    /// Starts an empty etcd and waits until it is healthy.
    ///
    /// # Panics
    /// When it is not installed, or not healthy within 20 s.
    pub async fn start() -> Etcd {
        Etcd::start_on(Ipv4Addr::LOCALHOST.into()).await
    }

    /// One for clients at another address of this machine.
    ///
    /// # Panics
    /// When it is not installed, or not healthy within 20 s.
    pub async fn start_on(ip: IpAddr) -> Etcd {
        let data = data_folder();
        let client = SocketAddr::new(ip, free_port());
        let peer_port = free_port();
        let process = spawn(client, peer_port, data.path());
        let etcd = Etcd {
            client,
            peer_port,
            data,
            process,
        };
        etcd.wait_healthy().await;
        etcd
    }

    /// Where clients reach it: `127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        self.client.to_string()
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
        self.process = spawn(self.client, self.peer_port, self.data.path());
        self.wait_healthy().await;
    }

    /// Starts it again at the same address with nothing in it, as after the loss of its disk.
    pub async fn restart_empty(&mut self) {
        self.kill();
        self.data = data_folder();
        self.restart().await;
    }

    /// All keys that begin with `prefix`, with their values.
    ///
    /// # Panics
    /// When etcd does not answer.
    pub async fn get_prefix(&self, prefix: &str) -> BTreeMap<String, String> {
        let text = self.etcdctl(&["get", "--prefix", prefix]).await;
        let lines: Vec<&str> = text.lines().collect();
        lines
            .chunks_exact(2)
            .map(|pair| (pair[0].to_owned(), pair[1].to_owned()))
            .collect()
    }

    /// Writes one key.
    ///
    /// # Panics
    /// When etcd does not answer.
    pub async fn put(&self, key: &str, value: &str) {
        self.etcdctl(&["put", key, value]).await;
    }

    /// Deletes one key.
    ///
    /// # Panics
    /// When etcd does not answer.
    pub async fn delete(&self, key: &str) {
        self.etcdctl(&["del", key]).await;
    }

    /// Any other command of etcdctl (API 3): what it printed.
    ///
    /// # Panics
    /// When the command fails.
    pub async fn etcdctl(&self, args: &[&str]) -> String {
        let mut command = tokio::process::Command::new(find("etcdctl"));
        command
            .env("ETCDCTL_API", "3")
            .arg("--endpoints")
            .arg(self.endpoint())
            .args(args);
        crate::run(&mut command, "").await.ok()
    }

    async fn wait_healthy(&self) {
        let endpoint = self.endpoint();
        eventually(START_DEADLINE, || async {
            let (_, body) = get(&endpoint, "/health").await?;
            body.contains("true").then_some(())
        })
        .await;
    }
}

fn data_folder() -> TempDir {
    tempfile::tempdir().expect("no folder for the data of etcd")
}

fn spawn(client: SocketAddr, peer_port: u16, data: &Path) -> Process {
    let client = format!("http://{client}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    let mut command = Command::new(find("etcd"));
    command.args(["--name", "test", "--data-dir"]).arg(data);
    command.args([
        "--listen-client-urls",
        &client,
        "--advertise-client-urls",
        &client,
    ]);
    command.args([
        "--listen-peer-urls",
        &peer,
        "--initial-advertise-peer-urls",
        &peer,
    ]);
    command.args(["--initial-cluster", &format!("test={peer}")]);
    Process::spawn(&mut command)
}
