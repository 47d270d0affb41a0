//! docker-compose.yml, as the real `docker compose` reads it and brings it up: what is tested is what ships.

use std::fmt::Write;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use muster_testkit::{Container, ContainerNetwork, Docker, SERVICES, find, run};
use muster_tests::root;
use serde_json::Value;
use tokio::process::Command;

use crate::images::image;

const FILE: &str = "docker-compose.yml";

/// A host of the file, and where it is instead: `("etcd:2379", 172.17.0.1:20456)`.
pub(crate) type Moved<'a> = (&'a str, SocketAddr);

/// The seven services of the file, with their images from here, on a network of ours; what else is in the file cannot be
/// pulled by a test, and is somewhere else.
pub(crate) struct Compose {
    docker: &'static Docker,
    /// The name of the project, which nothing else has.
    project: String,
    file: Value,
}

impl Compose {
    /// Reads the file, for a project on that network.
    pub(crate) async fn of(docker: &'static Docker, network: &ContainerNetwork) -> Compose {
        let mut compose = Compose {
            docker,
            project: network.name().to_owned(),
            file: Value::Null,
        };
        let config = compose.run(&[], &["config", "--format=json"]).await;
        compose.file = serde_json::from_str(&config).unwrap();
        compose
    }

    /// A setting in the environment of a container.
    pub(crate) fn setting(&self, service: &str, name: &str) -> &str {
        let environment = &self.file["services"][service]["environment"];
        environment[name].as_str().unwrap()
    }

    /// The port of a service inside its container: the one that is asked for its health.
    pub(crate) fn port(&self, service: &str) -> u16 {
        let addr = self.file["services"][service]["healthcheck"]["test"][2].as_str();
        let port = addr.and_then(|addr| addr.strip_prefix("-addr=:"));
        port.unwrap().parse().unwrap()
    }

    /// Starts the seven, and returns when they are started: in the order of [`SERVICES`].
    pub(crate) async fn up(&self, moved: &[Moved<'_>]) -> Vec<Container> {
        let changes = self.docker.folder().join(format!("{}.yml", self.project));
        fs::write(&changes, self.changes(moved).await).unwrap();
        self.run(&[&changes], &["up", "--detach"]).await;
        let mut containers = Vec::new();
        for service in SERVICES {
            let id = self.run(&[&changes], &["ps", "--quiet", service]).await;
            containers.push(self.docker.adopt(id.trim()));
        }
        containers
    }

    /// The file that is laid over the one that ships.
    async fn changes(&self, moved: &[Moved<'_>]) -> String {
        let (project, label) = (&self.project, self.docker.label());
        let mut text = format!("networks: {{default: {{name: {project}, external: true}}}}\n");
        text += "volumes:\n";
        for volume in self.names("volumes") {
            writeln!(text, "  {volume}: {{labels: [\"{label}\"]}}").unwrap();
        }
        text += "services:\n";
        for service in self.names("services") {
            let changed = match SERVICES.contains(&service) {
                true => self.changed(service, moved).await,
                false => "    profiles: [elsewhere]\n".to_owned(),
            };
            write!(text, "  {service}:\n{changed}").unwrap();
        }
        text
    }

    async fn changed(&self, service: &str, moved: &[Moved<'_>]) -> String {
        let mut text = format!("    image: {}\n", image(self.docker, service).await);
        text += "    build: !reset null\n    pull_policy: never\n    depends_on: !reset null\n";
        writeln!(text, "    labels: [\"{}\"]", self.docker.label()).unwrap();
        text += "    extra_hosts:\n";
        for (host, addr) in moved {
            writeln!(text, "      {}: {}", name_of(host), addr.ip()).unwrap();
        }
        text += "    environment:\n";
        let environment = self.file["services"][service]["environment"].as_object();
        for (name, value) in environment.unwrap() {
            let value = at_home(value.as_str().unwrap(), moved);
            writeln!(text, "      {name}: \"{value}\"").unwrap();
        }
        text
    }

    fn names(&self, of: &str) -> impl Iterator<Item = &str> {
        self.file[of]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
    }

    /// `docker compose`, with nothing in its environment that a file could refer to.
    async fn run(&self, over: &[&Path], words: &[&str]) -> String {
        let mut compose = Command::new(find("docker-compose"));
        compose
            .env_clear()
            .env("DOCKER_HOST", self.docker.host())
            .env("HOME", self.docker.folder())
            .current_dir(root())
            .args(["--project-name", &self.project, "--file", FILE]);
        for file in over {
            compose.arg("--file").arg(file);
        }
        run(compose.args(words), "").await.ok()
    }
}

/// Every host keeps its name, but has another port here.
fn at_home(value: &str, moved: &[Moved<'_>]) -> String {
    let at = |value: String, (host, addr): &Moved<'_>| {
        value.replace(host, &format!("{}:{}", name_of(host), addr.port()))
    };
    moved.iter().fold(value.to_owned(), at)
}

/// `etcd:2379` → `etcd`
fn name_of(host: &str) -> &str {
    host.split(':').next().unwrap()
}
