//! How many pods there are, where they are, and how many may be away.

use serde_json::{Value, json};

use crate::SERVICES;
use crate::chart::{kinds_and_names, manifest, pod, workload};
use crate::helm::render;

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
    // Both would change it in turn.
    assert!(workload(&all, "tasks")["spec"]["replicas"].is_null());
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
    let all = render(&["etcd.enabled=false", "services.presence.replicas=1"]).await;
    assert_eq!(scaled(&all), ["conflicts", "gateway"]);
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
