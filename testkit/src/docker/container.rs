//! One container.

use std::time::Duration;

use serde_json::Value;

use super::client::Client;
use super::network::ContainerNetwork;
use crate::{Output, eventually};

/// A container, which is removed when dropped; what it wrote is printed when the test fails.
#[derive(Debug)]
pub struct Container {
    client: Client,
    id: String,
}

impl Container {
    /// `args` stand between `docker run` and the image.
    pub(super) async fn start(
        client: &Client,
        network: &ContainerNetwork,
        args: &[String],
        image: &str,
    ) -> Container {
        let mut words = vec!["run".to_owned(), "--detach".to_owned()];
        words.push(format!("--label={}", super::engine::label()));
        words.push(format!("--network={}", network.name()));
        words.extend_from_slice(args);
        words.push(image.to_owned());
        let id = client.run(&words).await.ok();
        Container::of(client, id.trim())
    }

    pub(super) fn of(client: &Client, id: &str) -> Container {
        Container {
            client: client.clone(),
            id: id.to_owned(),
        }
    }

    /// Its address on its network. Another start may change it.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn ip(&self) -> String {
        let found = self.inspect().await;
        let networks = found["NetworkSettings"]["Networks"].as_object();
        let network = networks.and_then(|all| all.values().next());
        let ip = network.and_then(|network| network["IPAddress"].as_str());
        let ip = ip.filter(|ip| !ip.is_empty());
        ip.expect("a container that runs has an address").to_owned()
    }

    /// What the engine knows of it.
    ///
    /// # Panics
    /// When it knows nothing.
    pub async fn inspect(&self) -> Value {
        let text = self.client.run(&["container", "inspect", &self.id]);
        let found: Value = serde_json::from_str(&text.await.ok()).expect("docker prints JSON");
        found[0].clone()
    }

    /// Runs a program in it.
    pub async fn exec(&self, words: &[&str]) -> Output {
        self.client
            .run(&[&["exec", &self.id], words].concat())
            .await
    }

    /// Asks it to stop, as `docker stop` does, and waits until it has: its exit code.
    pub async fn stop(&self) -> i64 {
        self.client.run(&["stop", &self.id]).await.ok();
        let found = self.inspect().await;
        let code = found["State"]["ExitCode"].as_i64();
        code.expect("a container that has ended has an exit code")
    }

    /// Ends it with SIGKILL.
    pub async fn kill(&self) {
        self.client.run(&["kill", &self.id]).await.ok();
    }

    /// Starts it again with what it had.
    pub async fn start_again(&self) {
        self.client.run(&["start", &self.id]).await.ok();
    }

    /// Waits until the engine calls it healthy.
    ///
    /// # Panics
    /// When it does not by the deadline.
    pub async fn wait_healthy(&self, deadline: Duration) {
        eventually(deadline, || self.healthy()).await;
    }

    /// Whether the engine calls it healthy.
    pub async fn healthy(&self) -> Option<()> {
        let found = self.inspect().await;
        (found["State"]["Health"]["Status"] == "healthy").then_some(())
    }

    /// What it has written, both streams.
    pub async fn logs(&self) -> String {
        let logs = self.client.run(&["logs", &self.id]).await;
        logs.stdout + &logs.stderr
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (id, logs) = (&self.id, self.client.call(&["logs", &self.id]));
            eprintln!("--- container {id}\n{logs}\n---");
        }
        self.client.call(&["rm", "--force", "--volumes", &self.id]);
    }
}
