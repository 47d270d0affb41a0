//! What the README promises of containers.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::chart::{container, manifest, workload};
use crate::compose::{ports, project};
use crate::helm::render;
use crate::{SERVICES, Shipped, path};

/// The section about containers.
fn section() -> String {
    let readme = fs::read_to_string(path("README.md")).unwrap();
    let (_, section) = readme.split_once("## In containers").unwrap();
    section.split_once("\n## ").unwrap().0.to_owned()
}

/// The commands of its terminals, without remarks.
fn commands() -> Vec<String> {
    let section = section();
    let blocks = section.split("```bash\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    let command = |line: &str| line.split('#').next().unwrap().trim().to_owned();
    lines.map(command).collect()
}

#[tokio::test]
async fn what_there_is_to_look_at_is_published_by_what_is_started() {
    let project = project().await;
    let all = project["services"].as_object().unwrap();
    let section = section();
    let rows = section.lines().filter(|line| line.starts_with("| <http"));
    let mut count = 0;
    for row in rows {
        let at = row.strip_prefix("| <http://localhost:").unwrap();
        let port: String = at.chars().take_while(char::is_ascii_digit).collect();
        let address = format!("127.0.0.1:{port}:");
        let shows = |service: &&Value| ports(service).iter().any(|it| it.starts_with(&address));
        let found = all.values().find(shows);
        let profiles = &found.unwrap_or_else(|| panic!("nobody has {port}"))["profiles"];
        let asked_for = row.split_once("--profile ").map(|(_, rest)| rest);
        match asked_for.and_then(|rest| rest.split_once('`')) {
            Some((profile, _)) => assert_eq!(profiles[0], *profile, "{row}"),
            None => assert!(profiles.is_null(), "{row}"),
        }
        count += 1;
    }
    assert_eq!(count, 5, "the page, and what else there is to see");
}

/// What a shell makes of `a-{b,c}:d`.
fn loaded(images: &str) -> BTreeSet<String> {
    let (before, rest) = images.split_once('{').unwrap();
    let (names, behind) = rest.split_once('}').unwrap();
    let image = |name| format!("{before}{name}{behind}");
    names.split(',').map(image).collect()
}

#[tokio::test]
async fn every_command_is_one_that_works_on_what_is_there() {
    let all = render(&[]).await;
    // Compose names what it builds: its project, then the service.
    let project = project().await;
    let image = |service: &Shipped| {
        let name = project["name"].as_str().unwrap();
        format!("{name}-{}:latest", service.name)
    };
    let built: BTreeSet<String> = SERVICES.iter().map(image).collect();
    for command in commands() {
        let words: Vec<&str> = command.split(' ').collect();
        match words[..] {
            ["docker", "compose", "up", "--wait"] | ["docker", "compose", "build"] => {}
            ["kind", "load", "docker-image", images] => assert_eq!(loaded(images), built),
            ["helm", "install", "muster", chart, "--set", value, "--wait"] => {
                assert!(path(chart).join("Chart.yaml").exists(), "{command}");
                let installed = render(&[value]).await;
                let image = |service: Shipped| {
                    let image = &container(workload(&installed, service.name))["image"];
                    image.as_str().unwrap().to_owned()
                };
                assert_eq!(BTreeSet::from(SERVICES.map(image)), built);
            }
            ["kubectl", "port-forward", service, port] => {
                let name = service.strip_prefix("service/").unwrap();
                let ports = &manifest(&all, "Service", name)["spec"]["ports"];
                let mut ports = ports.as_array().unwrap().iter();
                let port: u16 = port.parse().unwrap();
                assert!(ports.any(|it| it["port"] == port), "{command}");
            }
            ["grpcurl", "-plaintext", at, "list"] => {
                let port = at.strip_prefix("localhost:").unwrap();
                let forwards = format!(" {port}");
                let forwarded = commands().iter().any(|it| it.ends_with(&forwards));
                assert!(forwarded, "{command}");
            }
            _ => panic!("{command}: whether it works is not known"),
        }
    }
    assert!(path("k8s/manifests/kustomization.yaml").exists());
}
