//! docker-compose.yml, as the words of `docker run`: what is tested is what ships.

use std::net::SocketAddr;

use muster_testkit::{find, run};
use muster_tests::root;
use serde_json::Value;
use tokio::process::Command;

/// What the file says, all of it.
pub(crate) struct Compose(Value);

/// A host of the file that is no container of ours, and where it is instead: `("etcd:2379", 172.17.0.1:20456)`.
pub(crate) type Moved<'a> = (&'a str, SocketAddr);

impl Compose {
    /// Reads the file as Docker Compose itself does, with nothing in the environment that it could refer to.
    pub(crate) async fn read() -> Compose {
        let mut parse = Command::new(find("compose-spec"));
        parse.env_clear().current_dir(root());
        let parsed = run(parse.args(["-format", "json", "docker-compose.yml"]), "").await;
        Compose(serde_json::from_str(&parsed.ok()).unwrap())
    }

    /// A setting in the environment of a container.
    pub(crate) fn setting(&self, service: &str, name: &str) -> &str {
        self.0["services"][service]["environment"][name]
            .as_str()
            .unwrap()
    }

    /// The port of a service inside its container: the one that is asked for its health.
    pub(crate) fn port(&self, service: &str) -> u16 {
        let addr = self.0["services"][service]["healthcheck"]["test"][2].as_str();
        let port = addr.and_then(|addr| addr.strip_prefix("-addr=:"));
        port.unwrap().parse().unwrap()
    }

    /// The words of `docker run` for a service; `volume` is what its own volume is called here.
    pub(crate) fn words(&self, service: &str, moved: &[Moved<'_>], volume: &str) -> Vec<String> {
        let service = &self.0["services"][service];
        let mut words = Vec::new();
        for (name, value) in service["environment"].as_object().unwrap() {
            let value = at_home(value.as_str().unwrap(), moved);
            words.push(format!("--env={name}={value}"));
        }
        for (host, addr) in moved {
            words.push(format!("--add-host={}:{}", name_of(host), addr.ip()));
        }
        words.extend(restrictions(service));
        words.extend(healthcheck(&service["healthcheck"]));
        for mount in service["volumes"].as_array().into_iter().flatten() {
            words.push(format!("--volume={volume}:{}", text(&mount["target"])));
        }
        words
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

fn restrictions(service: &Value) -> Vec<String> {
    let limits = &service["deploy"]["resources"]["limits"];
    assert_eq!(service["read_only"], true);
    let mut words = vec![
        "--read-only".to_owned(),
        format!("--restart={}", text(&service["restart"])),
        format!("--stop-timeout={}", seconds(&service["stop_grace_period"])),
        format!("--cpus={}", text(&limits["cpus"])),
        format!("--memory={}", text(&limits["memory"])),
        format!("--pids-limit={}", limits["pids"]),
    ];
    for dropped in service["cap_drop"].as_array().unwrap() {
        words.push(format!("--cap-drop={}", text(dropped)));
    }
    for option in service["security_opt"].as_array().unwrap() {
        words.push(format!("--security-opt={}", text(option)));
    }
    words
}

/// The engine takes the command of a health check only for a shell, which is not there: that of the image is the same.
fn healthcheck(check: &Value) -> Vec<String> {
    let times = ["interval", "timeout", "start_period"].map(|name| {
        let flag = name.replace('_', "-");
        format!("--health-{flag}={}", text(&check[name]))
    });
    let retries = format!("--health-retries={}", check["retries"]);
    times.into_iter().chain([retries]).collect()
}

fn seconds(value: &Value) -> u64 {
    let seconds = text(value).strip_suffix('s').unwrap();
    seconds.parse().unwrap()
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}
