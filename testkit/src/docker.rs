//! A Docker engine: the one that runs on this machine, or one that is started for the tests and ends with them.

mod client;
mod container;
mod engine;
mod network;

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::{Output, eventually};
use client::Client;
use engine::Holder;

pub use container::Container;
pub use network::ContainerNetwork;

/// What carries this label, with the run as its value, is removed when the run ends.
const LABEL: &str = "muster.test";

/// An engine that builds images and runs containers, one for all tests of a process. Whatever they leave is removed
/// when the process has ended, in whichever way.
#[derive(Debug)]
pub struct Docker {
    client: Client,
    holder: Holder,
}

impl Docker {
    /// The engine that runs here (`DOCKER_HOST`, or the usual socket), or one with its own folders on its own socket,
    /// which takes root.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn engine() -> Result<&'static Docker, &'static str> {
        static ENGINE: OnceCell<Result<Docker, String>> = OnceCell::const_new();
        let engine = ENGINE.get_or_init(Docker::find).await;
        engine.as_ref().map_err(String::as_str)
    }

    async fn find() -> Result<Docker, String> {
        let program = client::program().await?;
        let folder = tempfile::tempdir().map_err(|cause| format!("no folder: {cause}"))?;
        let docker = match client::running(&program).await {
            Some(host) => Docker::running(Client { program, host }, folder)?,
            None => Docker::start(program, folder).await?,
        };
        docker.reach().await?;
        Ok(docker)
    }

    fn running(client: Client, folder: TempDir) -> Result<Docker, String> {
        let holder = Holder::spawn(&client, folder, &[])?;
        Ok(Docker { client, holder })
    }

    async fn start(program: PathBuf, folder: TempDir) -> Result<Docker, String> {
        let command = engine::command(&engine::program()?, folder.path())?;
        let host = format!("unix://{}", folder.path().join("socket").display());
        let client = Client { program, host };
        let holder = Holder::spawn(&client, folder, &command)?;
        let docker = Docker { client, holder };
        let outcome = eventually(engine::START_DEADLINE, || docker.started()).await;
        outcome.map(|()| docker)
    }

    /// `None` while nobody knows yet.
    async fn started(&self) -> Option<Result<(), String>> {
        match self.holder.failure() {
            Some(why) => Some(Err(why)),
            None => self.client.answers().await.then_some(Ok(())),
        }
    }

    /// Fails unless the networks of the engine are networks of this machine.
    async fn reach(&self) -> Result<(), String> {
        let network = self.network().await?;
        TcpListener::bind((network.gateway(), 0)).map_err(|_| {
            let host = &self.client.host;
            format!("the networks of the engine at {host} are not those of this machine")
        })?;
        Ok(())
    }

    /// A network of its own, without a way out of this machine.
    ///
    /// # Errors
    /// What the engine says.
    pub async fn network(&self) -> Result<ContainerNetwork, String> {
        ContainerNetwork::of(&self.client).await
    }

    /// A volume with nothing in it: its name.
    ///
    /// # Panics
    /// When the engine makes none.
    pub async fn volume(&self) -> String {
        let label = format!("--label={}", engine::label());
        let name = engine::fresh_name();
        let made = self.run(&["volume", "create", &label, &name]);
        made.await.ok().trim().to_owned()
    }

    /// Starts a container: `args` are those of `docker run`, before the image.
    ///
    /// # Panics
    /// When it cannot be started.
    pub async fn container(
        &self,
        network: &ContainerNetwork,
        args: &[String],
        image: &str,
    ) -> Container {
        Container::start(&self.client, network, args, image).await
    }

    /// A container that something else has started on this engine: from now on it is removed with its handle.
    pub fn adopt(&self, id: &str) -> Container {
        Container::of(&self.client, id)
    }

    /// What other programs need to know to reach it, as in `DOCKER_HOST`.
    pub fn host(&self) -> &str {
        &self.client.host
    }

    /// The label of what is removed when the process has ended: `NAME=VALUE`.
    pub fn label(&self) -> String {
        engine::label()
    }

    /// Builds an image from a Dockerfile and a folder, and calls it as [`Docker::image`] says.
    ///
    /// # Panics
    /// When it cannot be built.
    pub async fn build(&self, file: &Path, context: &Path, args: &[(&str, &str)], name: &str) {
        let mut words = vec!["build".to_owned(), "--quiet".to_owned()];
        words.push(format!("--label={}", engine::label()));
        words.push(format!("--tag={}", self.image(name)));
        words.push(format!("--file={}", file.display()));
        for (name, value) in args {
            words.push(format!("--build-arg={name}={value}"));
        }
        words.push(context.display().to_string());
        self.run(&words).await.ok();
    }

    /// The name of an image of this run, with its tag.
    pub fn image(&self, name: &str) -> String {
        format!("muster-test-{name}:{}", std::process::id())
    }

    /// Any command of docker.
    ///
    /// # Panics
    /// When it does not end within a minute.
    pub fn run<A: AsRef<str>>(&self, args: &[A]) -> impl Future<Output = Output> + use<A> {
        self.client.run(args)
    }

    /// A folder that goes when the process has ended.
    pub fn folder(&self) -> &Path {
        self.holder.folder()
    }
}
