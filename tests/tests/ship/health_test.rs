//! `helm test`: the pod that asks each service whether it is ready, and its commands against the real binaries.

use std::collections::BTreeMap;
use std::time::Duration;

use muster_testkit::{Etcd, Output, Service, health_probe};
use serde_json::{Value, json};

use crate::SERVICES;
use crate::chart::{kinds_and_names, manifest};
use crate::helm::render;

const STOP_DEADLINE: Duration = Duration::from_secs(20);
/// What grpc-health-probe ends with where it is not answered.
const NO_CONNECTION: i32 = 2;

/// The command of each container of the test's pod.
fn commands(all: &[Value]) -> BTreeMap<String, Vec<String>> {
    let pod = manifest(all, "Pod", "muster-test");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let containers = pod["spec"]["containers"].as_array().unwrap().iter();
    let command = |one: &Value| {
        one["command"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect()
    };
    containers
        .map(|one| (text(&one["name"]), command(one)))
        .collect()
}

/// The address that a command asks.
fn asked(command: &[String]) -> &str {
    let addr = command.iter().find_map(|word| word.strip_prefix("-addr="));
    addr.unwrap_or_else(|| panic!("{command:?} asks nobody"))
}

/// Runs a command of the pod as its container would, with the service where it is in this run.
async fn run_command(service: &str, command: &[String], addr: &str) -> Output {
    let (program, flags) = command.split_first().unwrap();
    let flags: Vec<String> = flags
        .iter()
        .map(|flag| flag.replace(asked(command), addr))
        .collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    // The image has that link to its binary.
    let name = program.strip_prefix("/bin/").unwrap();
    health_probe(&format!("muster-{service}"), name, &flags).await
}

#[tokio::test]
async fn each_service_is_asked_where_it_is_reached() {
    let all = render(&[]).await;
    let commands = commands(&all);
    assert_eq!(commands.len(), SERVICES.len());
    for service in SERVICES {
        let name = format!("muster-{}", service.name);
        let addr = format!("{name}:{}", service.port);
        assert_eq!(asked(&commands[service.name]), addr);
        let ports = &manifest(&all, "Service", &name)["spec"]["ports"];
        assert_eq!(ports[0]["port"], service.port);
    }
    let off = render(&["services.users.enabled=false"]).await;
    assert!(!self::commands(&off).contains_key("users"));
}

/// It is run when somebody asks for it, by its own images, and as restricted as everything else.
#[tokio::test]
async fn the_pod_is_a_test_and_no_part_of_the_suite() {
    let all = render(&[]).await;
    for kind in ["Pod", "NetworkPolicy"] {
        let annotations = &manifest(&all, kind, "muster-test")["metadata"]["annotations"];
        assert_eq!(annotations["helm.sh/hook"], "test", "{kind}");
    }
    let pod = &manifest(&all, "Pod", "muster-test")["spec"];
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(pod["automountServiceAccountToken"], false);
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    for container in pod["containers"].as_array().unwrap() {
        let name = container["name"].as_str().unwrap();
        assert_eq!(container["image"], format!("muster-{name}:0.1.0"));
        assert_eq!(
            container["securityContext"]["capabilities"],
            json!({"drop": ["ALL"]})
        );
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    }
    // No Service leads to it.
    let named = kinds_and_names(&all).into_iter();
    let test: Vec<String> = named.filter(|name| name.ends_with("-test")).collect();
    assert_eq!(test, ["NetworkPolicy muster-test", "Pod muster-test"]);
}

#[tokio::test]
async fn it_passes_while_all_are_ready_and_fails_for_the_one_that_is_down() {
    let commands = commands(&render(&[]).await);
    let etcd = Etcd::start().await;
    let mut services = BTreeMap::new();
    for name in commands.keys() {
        let args = ["--etcd", &etcd.endpoint()];
        let service = Service::start(&format!("muster-{name}"), &args).await;
        services.insert(name.as_str(), service);
    }
    for (name, command) in &commands {
        let output = run_command(name, command, &services[name.as_str()].addr()).await;
        assert_eq!(output.ok(), "status: SERVING\n", "{name}");
    }
    let down = services.get_mut("users").unwrap();
    let addr = down.addr();
    down.stop(STOP_DEADLINE).await;
    for (name, command) in &commands {
        let addr = if name == "users" {
            addr.clone()
        } else {
            services[name.as_str()].addr()
        };
        let output = run_command(name, command, &addr).await;
        let expected = if name == "users" { NO_CONNECTION } else { 0 };
        assert_eq!(
            output.status.code(),
            Some(expected),
            "{name}: {}",
            output.stderr
        );
    }
}
