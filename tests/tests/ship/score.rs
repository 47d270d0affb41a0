//! kube-score: what a critic of manifests finds critical.

use std::collections::BTreeSet;
use std::fs;

use muster_testkit::{find, run};
use serde_json::Value;
use tokio::process::Command;

use crate::helm::template;

/// The grade of what is critical.
const CRITICAL: u64 = 1;

/// What it finds critical and we do not: the check, the object (any where it is empty), and why.
const ACCEPTED: [(&str, &str, &str); 7] = [
    (
        "container-image-pull-policy",
        "",
        "a tag stays what it is, and a node that has it starts a pod without a registry",
    ),
    (
        "container-security-context-user-group-id",
        "muster-mariadb",
        "the user of the image from elsewhere, which owns what it keeps",
    ),
    (
        "container-security-context-user-group-id",
        "muster-rabbitmq",
        "the user of the image from elsewhere, which owns what it keeps",
    ),
    (
        "pod-probes-identical",
        "muster-rabbitmq",
        "its own commands would start an Erlang for each probe, and it listens only once it is ready",
    ),
    (
        "statefulset-has-servicename",
        "muster-etcd",
        "the address of its Service stays when its pod gets another, which is what its clients need",
    ),
    (
        "statefulset-has-servicename",
        "muster-mariadb",
        "the address of its Service stays when its pod gets another, which is what its clients need",
    ),
    (
        "statefulset-has-servicename",
        "muster-rabbitmq",
        "the address of its Service stays when its pod gets another, which is what its clients need",
    ),
];

/// Values with what the checks are about.
const RENDERED: [&[&str]; 4] = [
    &[],
    &["mariadb.enabled=true"],
    &[
        "tls.enabled=true",
        "tls.existingSecret=certs",
        "telemetry.otlp.endpoint=http://collector:4317",
        "services.presence.autoscaling.enabled=false",
    ],
    &[
        "etcd.enabled=false",
        "etcd.endpoints={etcd:2379}",
        "rabbitmq.enabled=false",
        "ingress.enabled=true",
        "ingress.host=muster.example.org",
    ],
];

/// What the real kube-score finds critical, each as check and object.
async fn critical(manifests: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifests.yaml");
    fs::write(&file, manifests).unwrap();
    let mut score = Command::new(find("kube-score"));
    score.args(["score", "--kubernetes-version", "v1.30", "-o", "json"]);
    // It ends with 1 where it finds anything.
    let scored = run(score.arg(file), "").await;
    let objects: Vec<Value> =
        serde_json::from_str(&scored.stdout).unwrap_or_else(|_| panic!("{}", scored.stderr));
    let kinds = ["Deployment", "StatefulSet", "Pod"];
    let run = |one: &&Value| kinds.iter().any(|kind| one["type_meta"]["kind"] == *kind);
    let written: usize = kinds
        .iter()
        .map(|kind| manifests.matches(&format!("\nkind: {kind}\n")).count())
        .sum();
    assert_eq!(
        objects.iter().filter(run).count(),
        written,
        "it has not read them all"
    );
    objects.iter().flat_map(found).collect()
}

fn found(object: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = object["checks"].as_array().unwrap().iter();
    let critical = checks.filter(|one| one["skipped"] == false && one["grade"] == CRITICAL);
    critical
        .map(|one| {
            (
                text(&one["check"]["id"]),
                text(&object["object_meta"]["name"]),
            )
        })
        .collect()
}

#[tokio::test]
async fn nothing_is_critical_but_what_is_so_for_a_reason() {
    let mut used = BTreeSet::new();
    for values in RENDERED {
        for (check, object) in critical(&template(values).await.ok()).await {
            let accepts = |(of, name, _): &(&str, &str, &str)| {
                *of == check && (name.is_empty() || *name == object)
            };
            let accepted = ACCEPTED.iter().position(accepts);
            used.insert(accepted.unwrap_or_else(|| panic!("{check} of {object}, with {values:?}")));
        }
    }
    let unused: Vec<_> = (0..ACCEPTED.len())
        .filter(|index| !used.contains(index))
        .collect();
    assert_eq!(unused, Vec::<usize>::new(), "accepted, and never found");
}

#[tokio::test]
async fn what_is_critical_is_found() {
    let manifests = template(&[]).await.ok();
    let broken = manifests.replace(
        "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: false",
    );
    let found = critical(&broken).await;
    let readable = |(check, _): &(String, String)| {
        check == "container-security-context-readonlyrootfilesystem"
    };
    assert!(found.iter().any(readable), "{found:?}");
}
