//! docker-compose.yml, as Docker Compose itself reads it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use muster_testkit::{Output, find, run};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{SERVICES, assert_known, path};

/// The parser of Docker Compose, with nothing in its environment that a file could refer to.
async fn compose_spec(file: &Path) -> Output {
    let mut parse = Command::new(find("compose-spec"));
    parse.env_clear().current_dir(path(""));
    run(parse.args(["-format", "json"]).arg(file), "").await
}

pub(crate) async fn project() -> Value {
    let parsed = compose_spec(&path("docker-compose.yml")).await.ok();
    serde_json::from_str(&parsed).unwrap()
}

/// The published ports, as one writes them: `127.0.0.1:8802:8081`.
pub(crate) fn ports(service: &Value) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap_or("*").to_owned();
    let none = Vec::new();
    let all = service["ports"].as_array().unwrap_or(&none).iter();
    all.map(|port| {
        let (host, published) = (text(&port["host_ip"]), text(&port["published"]));
        format!("{host}:{published}:{}", port["target"])
    })
    .collect()
}

/// What keeps something for the services.
const KEEPERS: [&str; 3] = ["etcd", "mariadb", "rabbitmq"];

/// What shows a newcomer what happens.
const SHOWS: [&str; 5] = ["adminer", "collector", "grafana", "mailpit", "prometheus"];

#[tokio::test]
async fn the_services_and_what_they_need_are_there_and_nothing_else() {
    let project = project().await;
    let all = project["services"].as_object().unwrap();
    let names: BTreeSet<&str> = all.keys().map(String::as_str).collect();
    let services = SERVICES.map(|service| service.name);
    assert_eq!(
        names,
        services.into_iter().chain(KEEPERS).chain(SHOWS).collect()
    );
}

#[tokio::test]
async fn ports_are_published_on_loopback_alone() {
    let project = project().await;
    for service in SERVICES {
        let own = format!("127.0.0.1:{}:{}", service.host_port, service.port);
        let other = match service.name {
            "conflicts" => Some("127.0.0.1:8080:8080".to_owned()),
            "gateway" => Some("127.0.0.1:8181:8181".to_owned()),
            _ => None,
        };
        let expected = [own].into_iter().chain(other).collect();
        assert_eq!(ports(&project["services"][service.name]), expected);
    }
    for (name, port) in [
        ("rabbitmq", "127.0.0.1:15673:15672"),
        ("mailpit", "127.0.0.1:8025:8025"),
        ("adminer", "127.0.0.1:8090:8080"),
        ("prometheus", "127.0.0.1:9090:9090"),
        ("grafana", "127.0.0.1:3001:3000"),
    ] {
        let page = BTreeSet::from([port.to_owned()]);
        assert_eq!(ports(&project["services"][name]), page);
    }
    for unpublished in ["collector", "etcd", "mariadb"] {
        assert_eq!(ports(&project["services"][unpublished]), BTreeSet::new());
    }
}

#[tokio::test]
async fn health_is_asked_by_the_link_in_the_image_on_the_port_of_the_service() {
    let project = project().await;
    for service in SERVICES {
        let test = &project["services"][service.name]["healthcheck"]["test"];
        let addr = format!("-addr=:{}", service.port);
        assert_eq!(*test, json!(["CMD", "/bin/grpc-health-probe", addr]));
    }
    let test = &project["services"]["etcd"]["healthcheck"]["test"];
    assert_eq!(
        *test,
        json!(["CMD", "/usr/local/bin/etcdctl", "endpoint", "health"])
    );
}

#[tokio::test]
async fn services_start_when_what_they_need_is_healthy_and_wait_for_no_other_service() {
    let project = project().await;
    for service in SERVICES {
        let waits = project["services"][service.name]["depends_on"]
            .as_object()
            .unwrap();
        let expected: &[&str] = match service.name {
            "tasks" => &["etcd", "mariadb", "rabbitmq"],
            "gateway" => &["etcd", "rabbitmq"],
            _ => &["etcd"],
        };
        assert_eq!(waits.keys().collect::<Vec<_>>(), expected);
        for waited in waits.values() {
            assert_eq!(waited["condition"], "service_healthy");
        }
    }
}

#[tokio::test]
async fn only_tools_and_observability_have_to_be_asked_for() {
    let project = project().await;
    for (name, service) in project["services"].as_object().unwrap() {
        let profiles = match name.as_str() {
            "adminer" => json!(["tools"]),
            "collector" | "grafana" | "prometheus" => json!(["observability"]),
            _ => Value::Null,
        };
        assert_eq!(service["profiles"], profiles, "{name}");
    }
}

/// No mail of an experiment reaches anybody.
#[tokio::test]
async fn mails_go_to_the_server_that_sends_none_on() {
    let project = project().await;
    let smtp = &project["services"]["notificator"]["environment"]["MUSTER_SMTP"];
    assert_eq!(*smtp, "smtp://mailpit:1025");
    let test = &project["services"]["mailpit"]["healthcheck"]["test"];
    assert_eq!(*test, json!(["CMD", "/mailpit", "readyz"]));
}

#[tokio::test]
async fn everything_says_whether_it_is_healthy() {
    let project = project().await;
    for (name, service) in project["services"].as_object().unwrap() {
        assert!(service["healthcheck"]["test"].is_array(), "{name}");
    }
}

/// `docker compose up` gives up as soon as one is unhealthy for whom others wait.
#[tokio::test]
async fn what_makes_its_files_first_has_time_for_that() {
    let project = project().await;
    for name in ["mariadb", "rabbitmq"] {
        let healthcheck = &project["services"][name]["healthcheck"];
        assert_eq!(healthcheck["start_period"], "180s", "{name}");
        assert_eq!(healthcheck["interval"], "5s", "{name}");
    }
}

/// What the file reads of its environment, with what it is where nothing is said: `NAME=default`.
fn read_settings() -> BTreeSet<String> {
    let text = fs::read_to_string(path("docker-compose.yml")).unwrap();
    let setting = |rest: &str| rest.split('}').next().unwrap().replacen(":-", "=", 1);
    text.split("${").skip(1).map(setting).collect()
}

#[test]
fn every_setting_is_documented_with_its_default_and_nothing_else_is() {
    let text = fs::read_to_string(path(".env.example")).unwrap();
    let is_setting = |line: &&str| line.starts_with(|first: char| first.is_ascii_uppercase());
    let lines = text.lines().filter_map(|line| line.strip_prefix('#'));
    let documented: Vec<String> = lines.filter(is_setting).map(str::to_owned).collect();
    let known: BTreeSet<String> = documented.iter().cloned().collect();
    assert_eq!(known, read_settings());
    assert_eq!(documented.len(), known.len(), "{documented:?}");
    let others = text.lines().filter(|line| !line.is_empty());
    assert!(others.into_iter().all(|line| line.starts_with('#')));
}

/// Both ends of an account must agree, or nothing would be let in.
#[tokio::test]
async fn the_database_and_the_broker_know_who_calls_them() {
    let project = project().await;
    let env = |service: &str, name: &str| {
        let value = &project["services"][service]["environment"][name];
        value.as_str().unwrap().to_owned()
    };
    let (user, password) = (
        env("mariadb", "MARIADB_USER"),
        env("mariadb", "MARIADB_PASSWORD"),
    );
    let database = env("mariadb", "MARIADB_DATABASE");
    let store = format!("mysql://{user}:{password}@mariadb:3306/{database}");
    assert_eq!(env("tasks", "MUSTER_STORE"), store);
    let user = env("rabbitmq", "RABBITMQ_DEFAULT_USER");
    let password = env("rabbitmq", "RABBITMQ_DEFAULT_PASS");
    let bus = format!("amqp://{user}:{password}@rabbitmq:5672");
    for service in ["tasks", "gateway"] {
        assert_eq!(env(service, "MUSTER_BUS"), bus);
    }
}

#[tokio::test]
async fn services_are_built_from_the_one_dockerfile_and_know_their_settings() {
    let project = project().await;
    for service in SERVICES {
        let built = &project["services"][service.name];
        assert_eq!(built["build"]["args"], json!({"SERVICE": service.name}));
        assert!(
            built["image"].is_null(),
            "an image of that name would be pulled"
        );
        let env = built["environment"].as_object().unwrap();
        assert_eq!(env["MUSTER_INSECURE"], "true");
        assert_eq!(env["MUSTER_ETCD"], "etcd:2379");
        let names = env.keys().map(String::as_str);
        assert_known(&format!("muster-{}", service.name), names).await;
    }
}

#[tokio::test]
async fn every_container_is_restricted_limited_and_started_again() {
    let project = project().await;
    for (name, service) in project["services"].as_object().unwrap() {
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(service["cap_drop"], json!(["ALL"]), "{name}");
        assert_eq!(service["security_opt"], json!(["no-new-privileges:true"]));
        assert_eq!(service["restart"], "unless-stopped", "{name}");
        let limits = &service["deploy"]["resources"]["limits"];
        for limit in ["cpus", "memory", "pids"] {
            assert!(!limits[limit].is_null(), "{name} has no limit of {limit}");
        }
    }
}

#[tokio::test]
async fn what_is_kept_is_kept_in_a_volume_of_its_own() {
    let project = project().await;
    for service in SERVICES {
        let volumes = &project["services"][service.name]["volumes"];
        // What tasks keeps is in the database.
        if service.stored && service.name != "tasks" {
            assert_eq!(volumes[0]["type"], "volume", "{}", service.name);
            assert_eq!(volumes[0]["target"], "/data", "{}", service.name);
            assert_eq!(volumes[0]["source"], format!("{}-data", service.name));
        } else {
            assert!(volumes.is_null(), "{}", service.name);
        }
    }
    for other in KEEPERS.iter().chain(&["prometheus"]) {
        let volumes = project["services"][other]["volumes"].as_array().unwrap();
        let kept = volumes.iter().find(|volume| volume["type"] == "volume");
        assert_eq!(kept.unwrap()["source"], format!("{other}-data"));
    }
}

/// What is given to a container lies in the project, and the container cannot change it.
#[tokio::test]
async fn files_of_the_project_are_there_and_read_only() {
    let project = project().await;
    let mut files = BTreeSet::new();
    for (name, service) in project["services"].as_object().unwrap() {
        for volume in service["volumes"].as_array().unwrap_or(&Vec::new()) {
            if volume["type"] == "bind" {
                assert_eq!(volume["read_only"], true, "{name}");
                let source = volume["source"].as_str().unwrap();
                assert!(Path::new(source).exists(), "{name}: {source}");
                files.insert(
                    source
                        .strip_prefix(path("").to_str().unwrap())
                        .unwrap()
                        .to_owned(),
                );
            }
        }
    }
    assert!(files.contains("observability/prometheus.yaml"), "{files:?}");
    assert!(
        files.contains("k8s/helm/muster/files/dashboards"),
        "{files:?}"
    );
}

#[tokio::test]
async fn images_of_others_are_pinned() {
    let project = project().await;
    for (name, service) in project["services"].as_object().unwrap() {
        if let Some(image) = service["image"].as_str() {
            let (_, tag) = image.rsplit_once(':').unwrap();
            assert!(
                tag.contains(|letter: char| letter.is_ascii_digit()),
                "{name}: {image}"
            );
        }
    }
}

/// The collector listens where the example says that traces may go, which they do not by themselves.
#[tokio::test]
async fn traces_go_nowhere_until_they_are_sent_to_the_collector() {
    let project = project().await;
    for service in SERVICES {
        let env = &project["services"][service.name]["environment"];
        assert_eq!(env["OTEL_EXPORTER_OTLP_ENDPOINT"], "", "{}", service.name);
    }
    let example = fs::read_to_string(path(".env.example")).unwrap();
    assert!(example.contains("http://collector:4317"));
    let config = fs::read_to_string(path("observability/collector.yaml")).unwrap();
    let config: Value = serde_yaml_ng::from_str(&config).unwrap();
    let receiver = &config["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"];
    assert_eq!(*receiver, "0.0.0.0:4317");
    let traces = &config["service"]["pipelines"]["traces"];
    for kind in ["receivers", "processors", "exporters"] {
        for name in traces[kind].as_array().unwrap() {
            let name = name.as_str().unwrap();
            assert!(!config[kind][name].is_null(), "{kind}: {name}");
        }
    }
}

#[tokio::test]
async fn a_service_is_built_anew_when_what_it_is_made_of_changes() {
    let project = project().await;
    for service in SERVICES {
        let watched = project["services"][service.name]["develop"]["watch"]
            .as_array()
            .unwrap();
        let watched: BTreeSet<PathBuf> = watched
            .iter()
            .map(|rule| {
                assert_eq!(rule["action"], "rebuild", "{}", service.name);
                rule["path"].as_str().unwrap().into()
            })
            .collect();
        assert!(watched.iter().all(|path| path.exists()), "{watched:?}");
        let own = format!("services/{}", service.name);
        for source in ["kit", "proto", "Cargo.lock", &own] {
            assert!(
                watched.contains(&path(source)),
                "{} and {source}",
                service.name
            );
        }
    }
}

#[tokio::test]
async fn a_container_may_take_longer_to_stop_than_its_drain() {
    let project = project().await;
    let seconds = |value: &Value| -> u64 {
        let text = value.as_str().unwrap();
        text.strip_suffix('s').unwrap().parse().unwrap()
    };
    for service in SERVICES {
        let service = &project["services"][service.name];
        let drain = seconds(&service["environment"]["MUSTER_DRAIN"]);
        assert!(seconds(&service["stop_grace_period"]) > drain);
    }
}

/// etcd reads all its flags before it prints its version.
#[tokio::test]
async fn etcd_knows_its_flags() {
    let project = project().await;
    let words = project["services"]["etcd"]["command"].as_array().unwrap();
    let flags = words[1..].iter().map(|word| word.as_str().unwrap());
    let mut etcd = Command::new(find("etcd"));
    let version = run(etcd.args(flags).arg("--version"), "").await.ok();
    assert!(version.contains("etcd Version"));
}

#[tokio::test]
async fn a_word_that_compose_does_not_know_is_refused() {
    let text = fs::read_to_string(path("docker-compose.yml")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("docker-compose.yml");
    fs::write(&file, text.replace("healthcheck:", "healtcheck:")).unwrap();
    assert!(!compose_spec(&file).await.status.success());
}
