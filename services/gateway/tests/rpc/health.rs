//! `GET /services`.

use std::time::{Duration, Instant};

use muster_testkit::eventually;
use serde_json::{Value, json};

use crate::SOON;
use crate::edge::Edge;

async fn services(edge: &Edge) -> Value {
    edge.curl("services", &[]).await.ok()["services"].clone()
}

fn of<'a>(services: &'a Value, name: &str) -> &'a Value {
    let services = services.as_array().unwrap();
    services
        .iter()
        .find(|service| service["name"] == name)
        .unwrap()
}

/// Waits until a service has this status, and tells what there is to tell of it then.
async fn until(edge: &Edge, name: &str, status: &str) -> Value {
    eventually(SOON, || async {
        let service = of(&services(edge).await, name).clone();
        (service["status"] == status).then_some(service)
    })
    .await
}

#[tokio::test]
async fn every_service_of_the_suite_is_told() {
    let edge = Edge::before(&["tasks", "activity"]).await;
    let tasks = until(&edge, "tasks", "SERVING").await;
    let addr = edge.services["tasks"].addr();
    let serving = json!([{ "addr": addr, "status": "SERVING" }]);
    assert_eq!(tasks["instances"], serving);
    until(&edge, "activity", "SERVING").await;
    // Nobody told the gateway its own address: it knows itself how it is.
    until(&edge, "gateway", "SERVING").await;
    let all = services(&edge).await;
    let names: Vec<&Value> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, muster_gateway::services::NAMES);
    assert_eq!(
        of(&all, "presence"),
        &json!({ "name": "presence", "status": "UNKNOWN", "instances": [] })
    );
}

#[tokio::test]
async fn an_instance_that_does_not_answer_is_unreachable() {
    let one = muster_testkit::Service::start("muster-conflicts", &[]).await;
    let mut two = muster_testkit::Service::start("muster-conflicts", &[]).await;
    let peers = format!("conflicts={},conflicts={}", one.addr(), two.addr());
    let edge = Edge::at(&peers, &[]).await;
    let all_serve = |service: &Value| {
        let instances = service["instances"].as_array().unwrap();
        instances
            .iter()
            .all(|instance| instance["status"] == "SERVING")
    };
    eventually(SOON, || async {
        all_serve(of(&services(&edge).await, "conflicts")).then_some(())
    })
    .await;
    // It hangs: its connection is there, and nothing comes back.
    two.process().freeze();
    let start = Instant::now();
    let told = eventually(SOON, || async {
        let told = of(&services(&edge).await, "conflicts").clone();
        (!all_serve(&told)).then_some(told)
    })
    .await;
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(told["status"], "SERVING");
    let instances = told["instances"].as_array().unwrap();
    let of_two = instances
        .iter()
        .find(|instance| instance["addr"] == two.addr())
        .unwrap();
    assert_eq!(of_two["status"], "UNREACHABLE");
    two.process().resume();
    two.stop(SOON).await;
    drop(one);
    until(&edge, "conflicts", "NOT_SERVING").await;
}

#[tokio::test]
async fn many_pages_cost_no_more_than_one() {
    let edge = Edge::before(&["conflicts"]).await;
    until(&edge, "conflicts", "SERVING").await;
    let checks = async || {
        let admin = edge.services["conflicts"].addr_of("admin");
        let (_, metrics) = muster_testkit::get(&admin, "/metrics").await.unwrap();
        let line = metrics.lines().find(|line| {
            line.contains("rpc_server_call_duration_seconds_count") && line.contains("Health/Check")
        });
        let count = line.and_then(|line| line.rsplit(' ').next());
        count.map_or(0, |count| count.parse::<u64>().unwrap())
    };
    let (before, start) = (checks().await, Instant::now());
    for _ in 0..50 {
        services(&edge).await;
    }
    let allowed = start.elapsed().as_secs() + 2;
    let asked = checks().await - before;
    assert!(asked <= allowed, "{asked} checks in {:?}", start.elapsed());
}
