//! What the chart gives the services for TLS, given to the real binaries: they know each other, and strangers stay out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use muster_testkit::{Etcd, Output, Service, curl, eventually, health_probe, program, run};
use serde_json::Value;
use tempfile::TempDir;

use crate::SERVICES;
use crate::chart::{container, manifest, workload};
use crate::helm::render;

const DEADLINE: Duration = Duration::from_secs(30);
const ENABLED: [&str; 2] = ["tls.enabled=true", "tls.existingSecret=certs"];
/// The folder in which a container has its certificate.
const MOUNTED: &str = "/tls/";

/// A folder as the Secret is mounted.
async fn secret() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut certs = program("muster");
    certs.args(["certs", "--dir"]).arg(folder.path());
    run(&mut certs.into(), "").await.ok();
    for (made, mounted) in [("tls.pem", "tls.crt"), ("ca.pem", "ca.crt")] {
        fs::rename(folder.path().join(made), folder.path().join(mounted)).unwrap();
    }
    folder
}

/// A path in the container, or a word with one, as it is in this run.
fn here(word: &str, folder: &Path) -> String {
    word.replace(MOUNTED, &format!("{}/", folder.display()))
}

/// The words of a rendered list, with the folder of this run for the one in the container.
fn words(of: &Value, folder: &Path) -> Vec<String> {
    let words = of.as_array().unwrap().iter();
    words
        .map(|word| here(word.as_str().unwrap(), folder))
        .collect()
}

/// The settings that a workload is given for TLS, as flags.
fn flags(workload: &Value, folder: &Path) -> Vec<String> {
    let mut flags = Vec::new();
    for variable in container(workload)["env"].as_array().unwrap() {
        let text = |field: &str| variable[field].as_str().unwrap_or_default();
        let (name, value) = (text("name"), text("value"));
        if name.starts_with("MUSTER_TLS_") {
            let flag = name
                .trim_start_matches("MUSTER_")
                .to_lowercase()
                .replace('_', "-");
            flags.extend([format!("--{flag}"), here(value, folder)]);
        }
        if (name, value) == ("MUSTER_INSECURE", "true") {
            flags.push("--insecure".to_owned());
        }
    }
    flags
}

/// Each service with the settings of the chart, on all interfaces as in its pod.
async fn start(all: &[Value], etcd: &Etcd, folder: &Path) -> BTreeMap<&'static str, Service> {
    let mut services = BTreeMap::new();
    for service in SERVICES {
        let mut args = flags(workload(all, service.name), folder);
        let etcd = etcd.endpoint();
        args.extend(["--listen", "0.0.0.0:0", "--etcd", &etcd].map(str::to_owned));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let started = Service::start(&format!("muster-{}", service.name), &args).await;
        services.insert(service.name, started);
    }
    services
}

/// Runs a command that a container would, with the service where it is in this run.
async fn probe(service: &str, command: &[String], running: &Service) -> Output {
    let flags = command[1..].iter().map(|flag| match flag.as_str() {
        "-addr=:8080" => format!("-addr={}", running.addr_of("admin")),
        other if other.starts_with("-addr=") => format!("-addr={}", addr(running)),
        other => other.to_owned(),
    });
    let flags: Vec<String> = flags.collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    health_probe(&format!("muster-{service}"), "grpc-health-probe", &flags).await
}

fn addr(service: &Service) -> String {
    service.addr().replace("0.0.0.0", "127.0.0.1")
}

#[tokio::test]
async fn services_know_each_other_and_the_probes_and_nobody_else() {
    let all = render(&[ENABLED[0], ENABLED[1], "probes.exec=true"]).await;
    let (etcd, folder) = tokio::join!(Etcd::start(), secret());
    let services = start(&all, &etcd, folder.path()).await;
    let test = manifest(&all, "Pod", "muster-test")["spec"]["containers"]
        .as_array()
        .unwrap();
    for (name, running) in &services {
        let container = container(workload(&all, name));
        let asks = ["startupProbe", "livenessProbe", "readinessProbe"]
            .map(|probe| &container[probe]["exec"]["command"]);
        let of_test = test.iter().find(|one| one["name"] == *name).unwrap();
        for command in asks.into_iter().chain([&of_test["command"]]) {
            let command = words(command, folder.path());
            let answered = probe(name, &command, running).await.ok();
            assert_eq!(answered, "status: SERVING\n", "{command:?}");
        }
        let stranger = stranger(name, folder.path(), running).await;
        assert_eq!(
            stranger.status.success(),
            *name == "gateway",
            "{}",
            stranger.stderr
        );
    }
    // The gateway is let in everywhere.
    let ca = folder.path().join("ca.crt").display().to_string();
    let url = format!(
        "https://localhost:{}/services",
        addr(&services["gateway"]).rsplit_once(':').unwrap().1
    );
    eventually(DEADLINE, || async {
        let told = curl(&["--cacert", &ca, &url]).await.ok();
        let told: Value = serde_json::from_str(&told).unwrap();
        let all = told["services"].as_array().unwrap();
        let serving = all.iter().filter(|one| one["status"] == "SERVING").count();
        (serving == SERVICES.len()).then_some(())
    })
    .await;
}

/// Whoever believes the CA, and has no certificate of it.
async fn stranger(service: &str, folder: &Path, running: &Service) -> Output {
    let ca = format!("-tls-ca-cert={}", folder.join("ca.crt").display());
    let name = format!("-tls-server-name={service}");
    let command = ["", "-addr=", "-tls", &ca, &name].map(str::to_owned);
    probe(service, &command, running).await
}
