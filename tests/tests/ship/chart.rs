//! The Helm chart: what is rendered from it.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::helm::render;
use crate::{SERVICES, assert_known};

/// The manifest of a kind and a name.
pub(crate) fn manifest<'a>(all: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = all
        .iter()
        .find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

/// Those whose pods run something.
pub(crate) fn workloads(all: &[Value]) -> Vec<&Value> {
    let runs = |one: &&Value| !one["spec"]["template"].is_null();
    all.iter().filter(runs).collect()
}

/// The workload of a service.
pub(crate) fn workload<'a>(all: &'a [Value], service: &str) -> &'a Value {
    let name = format!("muster-{service}");
    let found = workloads(all)
        .into_iter()
        .find(|one| one["metadata"]["name"] == *name);
    found.unwrap_or_else(|| panic!("nothing runs {service}"))
}

pub(crate) fn pod(workload: &Value) -> &Value {
    &workload["spec"]["template"]["spec"]
}

pub(crate) fn container(workload: &Value) -> &Value {
    &pod(workload)["containers"][0]
}

/// The value of a container's variable.
pub(crate) fn env<'a>(workload: &'a Value, name: &str) -> Option<&'a Value> {
    let all = container(workload)["env"].as_array().unwrap();
    all.iter().find(|variable| variable["name"] == name)
}

pub(crate) fn kinds_and_names(all: &[Value]) -> BTreeSet<String> {
    let name = |one: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        text(&one["kind"]) + " " + &text(&one["metadata"]["name"])
    };
    all.iter().map(name).collect()
}

#[tokio::test]
async fn what_keeps_something_is_one_pod_with_a_volume_and_the_rest_are_deployments() {
    let all = render(&[]).await;
    for service in SERVICES {
        let workload = workload(&all, service.name);
        let expected = if service.stored {
            "StatefulSet"
        } else {
            "Deployment"
        };
        assert_eq!(workload["kind"], expected, "{}", service.name);
        let claims = &workload["spec"]["volumeClaimTemplates"];
        let mounts = &container(workload)["volumeMounts"];
        if service.stored {
            assert_eq!(workload["spec"]["replicas"], 1, "{}", service.name);
            assert_eq!(claims[0]["metadata"]["name"], mounts[0]["name"]);
            assert_eq!(mounts[0]["mountPath"], "/data");
        } else {
            assert!(claims.is_null() && mounts.is_null(), "{}", service.name);
        }
    }
}

#[tokio::test]
async fn a_service_is_reached_asked_and_advertised_on_the_port_that_it_listens_on() {
    let all = render(&[]).await;
    for service in SERVICES {
        let workload = workload(&all, service.name);
        let port = service.port;
        // Readiness is the health of the server as a whole, which has no name.
        let ready = &container(workload)["readinessProbe"]["grpc"];
        assert_eq!(*ready, json!({"port": port}));
        let value = |name| &env(workload, name).unwrap()["value"];
        assert_eq!(*value("MUSTER_LISTEN"), format!(":{port}"));
        assert_eq!(*value("MUSTER_ADVERTISE"), format!("[$(POD_IP)]:{port}"));
        let reached = manifest(&all, "Service", &format!("muster-{}", service.name));
        assert_eq!(reached["spec"]["ports"][0]["port"], port);
        assert_eq!(
            reached["spec"]["ports"][0]["appProtocol"],
            "kubernetes.io/h2c"
        );
        assert_eq!(
            reached["spec"]["selector"],
            workload["spec"]["selector"]["matchLabels"]
        );
        assert_eq!(
            reached["spec"]["selector"],
            workload["spec"]["template"]["metadata"]["labels"]
        );
    }
}

/// The port of a service takes so many connections, and a pod that has them all is not to be killed for it.
#[tokio::test]
async fn whether_a_pod_is_alive_is_asked_where_no_caller_takes_a_place_with_tls_as_without() {
    for values in [&[][..], &["tls.enabled=true", "tls.existingSecret=certs"]] {
        let all = render(values).await;
        for service in SERVICES {
            let container = container(workload(&all, service.name));
            let ports = container["ports"].as_array().unwrap();
            let admin = ports.iter().find(|port| port["name"] == "admin").unwrap();
            let alive = json!({"port": admin["containerPort"], "service": "liveness"});
            for probe in ["startupProbe", "livenessProbe"] {
                assert_eq!(container[probe]["grpc"], alive, "{}", service.name);
            }
        }
    }
}

/// A variable that refers to another must come after it.
#[tokio::test]
async fn the_address_of_the_pod_is_known_before_it_is_used() {
    let all = render(&[]).await;
    for service in SERVICES {
        let first = &container(workload(&all, service.name))["env"][0];
        assert_eq!(first["name"], "POD_IP");
        assert_eq!(first["valueFrom"]["fieldRef"]["fieldPath"], "status.podIP");
    }
}

#[tokio::test]
async fn a_service_knows_every_setting_that_it_is_given() {
    let all = render(&["tls.enabled=true", "tls.existingSecret=certs"]).await;
    for service in SERVICES {
        let env = container(workload(&all, service.name))["env"]
            .as_array()
            .unwrap();
        let names = env
            .iter()
            .map(|variable| variable["name"].as_str().unwrap());
        assert_known(&format!("muster-{}", service.name), names).await;
    }
}

#[tokio::test]
async fn every_pod_is_restricted_and_limited() {
    let all = render(&["mariadb.enabled=true"]).await;
    assert_eq!(
        workloads(&all).len(),
        SERVICES.len() + 3,
        "the services, etcd, RabbitMQ and MariaDB"
    );
    for workload in workloads(&all) {
        let name = &workload["metadata"]["name"];
        let pod = pod(workload);
        assert_eq!(pod["automountServiceAccountToken"], false, "{name}");
        let security = &pod["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{name}");
        // Images from elsewhere have a user of their own for what they keep.
        let theirs = ["muster-mariadb", "muster-rabbitmq"].map(Value::from);
        let user = if theirs.contains(name) { 999 } else { 65532 };
        assert_eq!(security["runAsUser"], user, "{name}");
        assert_eq!(security["seccompProfile"]["type"], "RuntimeDefault");
        let security = &container(workload)["securityContext"];
        assert_eq!(security["allowPrivilegeEscalation"], false, "{name}");
        assert_eq!(security["readOnlyRootFilesystem"], true, "{name}");
        assert_eq!(security["capabilities"]["drop"][0], "ALL", "{name}");
        let resources = &container(workload)["resources"];
        assert!(resources["limits"]["memory"].is_string(), "{name}");
        assert!(resources["requests"]["cpu"].is_string(), "{name}");
    }
}

#[tokio::test]
async fn a_pod_may_take_longer_to_stop_than_its_drain() {
    for drain in [10, 120] {
        let all = render(&[&format!("drainSeconds={drain}")]).await;
        let users = workload(&all, "users");
        let given = env(users, "MUSTER_DRAIN").unwrap();
        assert_eq!(given["value"], format!("{drain}s"));
        let before = container(users)["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64();
        let grace = pod(users)["terminationGracePeriodSeconds"].as_u64();
        assert!(grace.unwrap() > drain + before.unwrap(), "{grace:?}");
    }
}

#[tokio::test]
async fn one_service_alone_is_all_that_is_installed() {
    let others = SERVICES.iter().filter(|service| service.name != "activity");
    let off: Vec<String> = others
        .map(|service| format!("services.{}.enabled=false", service.name))
        .collect();
    let mut values: Vec<&str> = off.iter().map(String::as_str).collect();
    values.push("etcd.enabled=false");
    let expected = [
        "ServiceAccount muster",
        "Service muster-activity",
        "Service muster-activity-headless",
        "StatefulSet muster-activity",
        "NetworkPolicy muster-activity",
        "PodDisruptionBudget muster-activity",
        // What `helm test` runs.
        "Pod muster-test",
        "NetworkPolicy muster-test",
    ];
    let all = render(&values).await;
    assert_eq!(kinds_and_names(&all), expected.map(str::to_owned).into());
    assert!(env(workload(&all, "activity"), "MUSTER_ETCD").is_none());
}

#[tokio::test]
async fn a_secret_stays_in_its_secret() {
    let values = [
        "services.notificator.secrets.MUSTER_SMTP.name=smtp",
        "services.notificator.secrets.MUSTER_SMTP.key=url",
    ];
    let all = render(&values).await;
    let smtp = env(workload(&all, "notificator"), "MUSTER_SMTP").unwrap();
    let of = &smtp["valueFrom"]["secretKeyRef"];
    assert_eq!((&of["name"], &of["key"]), (&"smtp".into(), &"url".into()));
    assert!(env(workload(&all, "users"), "MUSTER_SMTP").is_none());
}

#[tokio::test]
async fn the_tag_of_the_images_is_one_value() {
    let all = render(&[
        "image.repository=registry.example.org/muster",
        "image.tag=1.2.3",
    ])
    .await;
    for service in SERVICES {
        let image = &container(workload(&all, service.name))["image"];
        let expected = format!("registry.example.org/muster-{}:1.2.3", service.name);
        assert_eq!(*image, expected);
    }
}

#[tokio::test]
async fn an_image_is_what_its_digest_says() {
    let digest = format!("sha256:{}", "0".repeat(64));
    let all = render(&[&format!("image.digests.users={digest}")]).await;
    let image = |service| &container(workload(&all, service))["image"];
    assert_eq!(*image("users"), format!("muster-users:0.1.0@{digest}"));
    assert_eq!(*image("tasks"), "muster-tasks:0.1.0");
    let test = &manifest(&all, "Pod", "muster-test")["spec"]["containers"];
    let test = test.as_array().unwrap().iter();
    assert_eq!(
        test.filter(|one| one["image"] == *image("users")).count(),
        1
    );
}

#[tokio::test]
async fn the_account_of_the_pods_has_the_annotations_of_the_values() {
    let all = render(&["serviceAccount.annotations.role=muster"]).await;
    let account = &manifest(&all, "ServiceAccount", "muster")["metadata"];
    assert_eq!(account["annotations"], json!({"role": "muster"}));
    let bare = render(&[]).await;
    let account = &manifest(&bare, "ServiceAccount", "muster")["metadata"];
    assert!(account["annotations"].is_null());
}

/// What carries the labels that all pods have by values; nothing is selected by them.
#[tokio::test]
async fn pods_carry_the_labels_and_annotations_of_all_and_those_of_their_component() {
    let all = render(&[
        "mariadb.enabled=true",
        "podLabels.team=collaboration",
        "podLabels.tier=any",
        "podAnnotations.note=ours",
        "services.users.podLabels.tier=front",
        "etcd.podAnnotations.note=theirs",
    ])
    .await;
    for workload in workloads(&all) {
        let component = container(workload)["name"].as_str().unwrap();
        let pod = &workload["spec"]["template"]["metadata"];
        let selected = &workload["spec"]["selector"]["matchLabels"];
        let mut labels = selected.clone();
        labels["team"] = "collaboration".into();
        labels["tier"] = if component == "users" { "front" } else { "any" }.into();
        assert_eq!(pod["labels"], labels, "{component}");
        assert!(selected["team"].is_null(), "{component}");
        let note = if component == "etcd" {
            "theirs"
        } else {
            "ours"
        };
        assert_eq!(pod["annotations"], json!({"note": note}), "{component}");
    }
    let test = &manifest(&all, "Pod", "muster-test")["metadata"];
    assert_eq!(test["labels"]["team"], "collaboration");
    assert_eq!(test["annotations"]["note"], "ours");
    assert_eq!(test["annotations"]["helm.sh/hook"], "test");
}
