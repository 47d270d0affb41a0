//! How many pods there are, where they are, and how many may be away.

use std::fs;

use serde_json::{Value, json};

use crate::chart::{container, kinds_and_names, manifest, pod, workload, workloads};
use crate::helm::render;
use crate::{SERVICES, path};

const MEBIBYTE: u64 = 1024 * 1024;

/// The services that load decides the number of pods of.
fn scaled(all: &[Value]) -> Vec<String> {
    let names = kinds_and_names(all).into_iter();
    let of = |name: String| {
        let service = name.strip_prefix("HorizontalPodAutoscaler muster-")?;
        Some(service.to_owned())
    };
    names.filter_map(of).collect()
}

#[tokio::test]
async fn load_decides_how_many_there_are_of_what_keeps_nothing() {
    let all = render(&[]).await;
    assert_eq!(scaled(&all), ["conflicts", "gateway", "presence"]);
    let all = render(&["mariadb.enabled=true", "services.tasks.replicas=3"]).await;
    assert_eq!(scaled(&all), ["conflicts", "gateway", "presence", "tasks"]);
    let scaler = &manifest(&all, "HorizontalPodAutoscaler", "muster-tasks")["spec"];
    assert_eq!(scaler["minReplicas"], 3);
    assert_eq!(scaler["maxReplicas"], 6);
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "muster-tasks"});
    assert_eq!(scaler["scaleTargetRef"], target);
    // A task is no load of memory.
    assert_eq!(scaler["metrics"].as_array().unwrap().len(), 1);
    // Both would change it in turn.
    assert!(workload(&all, "tasks")["spec"]["replicas"].is_null());
}

/// The load of a connection is the memory that it takes, long before it is work.
#[tokio::test]
async fn memory_decides_beside_work_of_what_connections_are_the_load_of() {
    let all = render(&["services.gateway.autoscaling.memory=700Mi"]).await;
    for (service, memory) in [("gateway", "700Mi"), ("presence", "1536Mi")] {
        let name = format!("muster-{service}");
        let metrics = &manifest(&all, "HorizontalPodAutoscaler", &name)["spec"]["metrics"];
        let target = |name, value| {
            let target = json!({"type": "AverageValue", "averageValue": value});
            json!({"type": "Resource", "resource": {"name": name, "target": target}})
        };
        assert_eq!(
            *metrics,
            json!([target("cpu", "500m"), target("memory", memory)])
        );
    }
}

/// What a source says of a constant: a product of numbers.
fn constant(source: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path(source)).unwrap();
    let (_, after) = text.split_once(&format!("const {name}: usize = ")).unwrap();
    let factors = after.split(';').next().unwrap().split('*');
    let number = |factor: &str| factor.trim().replace('_', "").parse::<u64>().unwrap();
    factors.map(number).product()
}

/// The bytes that the services' own limits let in: of presence streams at 2 KiB each; of the gateway what waits for slow
/// sockets, with a share for each of 20,000 even then, pages of what was missed, what is kept of events, and bodies.
fn allowed_bytes(service: &str) -> u64 {
    let gateway =
        |file: &str, name: &str| constant(&format!("services/gateway/src/{file}.rs"), name);
    match service {
        "presence" => constant("services/presence/src/lib.rs", "STREAMS_MAX") * 2048,
        _ => {
            gateway("hub/mailbox", "MOST_BYTES_OF_ALL")
                + 20_000 * gateway("hub/mailbox", "OWN_BYTES")
                + gateway("feed/activity", "PAGES") * gateway("feed/activity", "PAGE_BYTES")
                + (64 + gateway("feed/shared", "MAX_FEEDS")) * MEBIBYTE
                + gateway("rpc/body", "ROOM_BYTES")
        }
    }
}

/// The bytes of a quantity, as `512Mi` or `2Gi`.
fn bytes(memory: &Value) -> u64 {
    let text = memory.as_str().unwrap();
    let number = |text: &str| text.parse::<u64>().unwrap();
    match text.strip_suffix("Gi") {
        Some(gibibytes) => number(gibibytes) * 1024 * MEBIBYTE,
        None => number(text.strip_suffix("Mi").unwrap()) * MEBIBYTE,
    }
}

#[tokio::test]
async fn a_pod_has_room_for_what_its_service_lets_in_and_another_comes_before_it_is_full() {
    let all = render(&[]).await;
    for service in ["presence", "gateway"] {
        let memory = &container(workload(&all, service))["resources"]["limits"]["memory"];
        // A third is for the rest.
        let needed = allowed_bytes(service) * 3 / 2;
        assert!(bytes(memory) >= needed, "{service}: {memory} for {needed}");
        let name = format!("muster-{service}");
        let scaler = manifest(&all, "HorizontalPodAutoscaler", &name);
        let target = &scaler["spec"]["metrics"][1]["resource"]["target"]["averageValue"];
        assert!(bytes(target) * 2 <= bytes(memory), "{service}: {target}");
    }
}

#[tokio::test]
async fn where_load_does_not_decide_the_values_do() {
    let off = "services.gateway.autoscaling.enabled=false";
    let all = render(&[off, "services.gateway.replicas=4"]).await;
    assert_eq!(scaled(&all), ["conflicts", "presence"]);
    assert_eq!(workload(&all, "gateway")["spec"]["replicas"], 4);
}

#[tokio::test]
async fn the_most_is_never_less_than_the_least() {
    let all = render(&["services.gateway.replicas=9"]).await;
    let scaler = &manifest(&all, "HorizontalPodAutoscaler", "muster-gateway")["spec"];
    assert_eq!(
        (&scaler["minReplicas"], &scaler["maxReplicas"]),
        (&9.into(), &9.into())
    );
}

/// They find each other in etcd.
#[tokio::test]
async fn presence_without_etcd_stays_as_many_as_it_is() {
    let all = render(&[
        "etcd.enabled=false",
        "services.presence.replicas=1",
        "services.gateway.enabled=false",
    ])
    .await;
    assert_eq!(scaled(&all), ["conflicts"]);
    assert_eq!(workload(&all, "presence")["spec"]["replicas"], 1);
}

#[tokio::test]
async fn one_pod_of_each_may_be_away_for_the_sake_of_its_node() {
    let all = render(&["mariadb.enabled=true"]).await;
    let others = ["etcd", "mariadb", "rabbitmq"];
    for component in SERVICES
        .map(|service| service.name)
        .into_iter()
        .chain(others)
    {
        let budget = &manifest(&all, "PodDisruptionBudget", &format!("muster-{component}"))["spec"];
        assert_eq!(budget["maxUnavailable"], 1, "{component}");
        let pods = &workload(&all, component)["spec"]["selector"];
        assert_eq!(budget["selector"], *pods, "{component}");
    }
    let all = render(&["podDisruptionBudget.enabled=false"]).await;
    assert!(
        !kinds_and_names(&all)
            .iter()
            .any(|name| name.contains("Budget"))
    );
}

#[tokio::test]
async fn replicas_are_spread_over_nodes_and_zones() {
    let all = render(&[]).await;
    for service in SERVICES {
        let workload = workload(&all, service.name);
        let spread = &pod(workload)["topologySpreadConstraints"];
        if service.stored {
            assert!(spread.is_null(), "{} is one", service.name);
            continue;
        }
        let keys: Vec<_> = spread
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["topologyKey"])
            .collect();
        assert_eq!(
            keys,
            ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
        );
        for one in spread.as_array().unwrap() {
            assert_eq!(one["labelSelector"], workload["spec"]["selector"]);
            // A cluster of one node runs them, too.
            assert_eq!(one["whenUnsatisfiable"], "ScheduleAnyway");
        }
    }
}

const PLACED: [&str; 8] = [
    "mariadb.enabled=true",
    "nodeSelector.disk=ssd",
    "tolerations[0].key=dedicated",
    "tolerations[0].operator=Exists",
    "affinity.podAntiAffinity.note=any",
    "priorityClassName=ordinary",
    "services.users.priorityClassName=urgent",
    "etcd.nodeSelector.disk=fast",
];

#[tokio::test]
async fn pods_run_where_the_values_say_of_all_or_of_their_component() {
    let all = render(&PLACED).await;
    let mut pods: Vec<_> = workloads(&all).into_iter().map(pod).collect();
    pods.push(&manifest(&all, "Pod", "muster-test")["spec"]);
    assert_eq!(pods.len(), SERVICES.len() + 4, "backends and the test, too");
    for pod in pods {
        let containers = pod["containers"].as_array().unwrap();
        let name = match containers.len() {
            1 => containers[0]["name"].as_str().unwrap(),
            _ => "test",
        };
        let disk = if name == "etcd" { "fast" } else { "ssd" };
        assert_eq!(pod["nodeSelector"], json!({"disk": disk}), "{name}");
        let tolerations = json!([{"key": "dedicated", "operator": "Exists"}]);
        assert_eq!(pod["tolerations"], tolerations, "{name}");
        let affinity = json!({"podAntiAffinity": {"note": "any"}});
        assert_eq!(pod["affinity"], affinity, "{name}");
        let class = if name == "users" {
            "urgent"
        } else {
            "ordinary"
        };
        assert_eq!(pod["priorityClassName"], class, "{name}");
    }
}

#[tokio::test]
async fn where_nothing_is_said_pods_run_anywhere() {
    let all = render(&[]).await;
    for workload in workloads(&all) {
        for field in [
            "nodeSelector",
            "tolerations",
            "affinity",
            "priorityClassName",
        ] {
            assert!(pod(workload)[field].is_null(), "{field}");
        }
        assert!(workload["spec"]["template"]["metadata"]["annotations"].is_null());
    }
}
