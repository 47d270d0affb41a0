//! The NetworkPolicies of the chart: who may talk to whom.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::SERVICES;
use crate::chart::manifest;
use crate::helm::render;

/// The component that a peer is, or the whole of the peer where it is none of one's own.
fn peer(peer: &Value) -> String {
    let labels = &peer["podSelector"]["matchLabels"];
    match labels["app.kubernetes.io/component"].as_str() {
        Some(component) => component.to_owned(),
        None => peer.to_string(),
    }
}

/// What a policy lets pass one way, each as `peer port`; `anywhere` where no peer is named.
pub(crate) fn passes(policy: &Value, way: &str, peers: &str) -> BTreeSet<String> {
    let port = |port: &Value| match port["port"].as_str() {
        Some(name) => name.to_owned(),
        None => port["port"].to_string(),
    };
    let of_rule = |rule: &Value| {
        let names: Vec<String> = match rule[peers].as_array() {
            Some(all) => all.iter().map(peer).collect(),
            None => vec!["anywhere".to_owned()],
        };
        let ports = rule["ports"].as_array().unwrap();
        let pairs = ports.iter().flat_map(|one| {
            let port = port(one);
            names.iter().map(move |name| format!("{name} {port}"))
        });
        pairs.collect::<Vec<_>>()
    };
    let rules = policy["spec"][way].as_array().unwrap();
    rules.iter().flat_map(of_rule).collect()
}

fn set<const N: usize>(of: [&str; N]) -> BTreeSet<String> {
    of.map(str::to_owned).into()
}

#[tokio::test]
async fn services_are_called_from_their_namespace_and_call_what_they_need_alone() {
    let all = render(&[]).await;
    for service in SERVICES {
        let policy = manifest(&all, "NetworkPolicy", &format!("muster-{}", service.name));
        let mut callers = set([
            "gateway grpc",
            "test grpc",
            r#"{"podSelector":{}} grpc"#,
            r#"{"podSelector":{}} admin"#,
        ]);
        let mut needs = set(["anywhere 53", "etcd 2379"]);
        match service.name {
            "gateway" => {
                callers.insert(r#"{"podSelector":{}} web"#.to_owned());
                needs.extend(SERVICES.map(|each| format!("{} {}", each.name, each.port)));
            }
            "notificator" => drop(callers.insert("users grpc".to_owned())),
            "presence" => {
                callers.insert("presence grpc".to_owned());
                needs.insert("presence 9002".to_owned());
            }
            "users" => drop(needs.insert("notificator 8082".to_owned())),
            _ => {}
        }
        if ["tasks", "gateway"].contains(&service.name) {
            needs.insert("rabbitmq 5672".to_owned());
        }
        assert_eq!(
            passes(policy, "ingress", "from"),
            callers,
            "{}",
            service.name
        );
        assert_eq!(passes(policy, "egress", "to"), needs, "{}", service.name);
    }
}

#[tokio::test]
async fn whoever_is_not_installed_is_neither_called_nor_calling() {
    let all = render(&[
        "services.gateway.enabled=false",
        "services.notificator.enabled=false",
    ])
    .await;
    for service in ["users", "presence", "tasks", "etcd"] {
        let policy = manifest(&all, "NetworkPolicy", &format!("muster-{service}")).to_string();
        assert!(
            !policy.contains("gateway") && !policy.contains("notificator"),
            "{policy}"
        );
    }
}

#[tokio::test]
async fn the_test_calls_the_services_alone_and_is_called_by_nobody() {
    let all = render(&[]).await;
    let policy = manifest(&all, "NetworkPolicy", "muster-test");
    assert_eq!(passes(policy, "ingress", "from"), set([]));
    let mut services: BTreeSet<String> = SERVICES
        .map(|service| format!("{} {}", service.name, service.port))
        .into();
    services.insert("anywhere 53".to_owned());
    assert_eq!(passes(policy, "egress", "to"), services);
}

#[tokio::test]
async fn etcd_is_called_by_the_services_alone_and_calls_nobody() {
    let all = render(&[]).await;
    let policy = manifest(&all, "NetworkPolicy", "muster-etcd");
    let services = SERVICES.map(|service| format!("{} client", service.name));
    assert_eq!(passes(policy, "ingress", "from"), services.into());
    assert_eq!(passes(policy, "egress", "to"), set([]));
}

#[tokio::test]
async fn the_broker_and_the_database_are_called_by_their_users_alone_and_call_nobody() {
    let all = render(&["mariadb.enabled=true"]).await;
    let rabbitmq = manifest(&all, "NetworkPolicy", "muster-rabbitmq");
    let users = set(["tasks amqp", "gateway amqp"]);
    assert_eq!(passes(rabbitmq, "ingress", "from"), users);
    let mariadb = manifest(&all, "NetworkPolicy", "muster-mariadb");
    assert_eq!(passes(mariadb, "ingress", "from"), set(["tasks mysql"]));
    for policy in [rabbitmq, mariadb] {
        assert_eq!(passes(policy, "egress", "to"), set([]));
    }
    let tasks = manifest(&all, "NetworkPolicy", "muster-tasks");
    let ways = passes(tasks, "egress", "to");
    assert!(ways.contains("mariadb 3306"), "{ways:?}");
}

/// A policy leaves a way open that it does not name in its types.
#[tokio::test]
async fn a_policy_closes_both_ways_for_the_pods_of_its_component() {
    let all = render(&["mariadb.enabled=true"]).await;
    let others = ["etcd", "mariadb", "rabbitmq"];
    for service in SERVICES.map(|service| service.name).iter().chain(&others) {
        let policy = &manifest(&all, "NetworkPolicy", &format!("muster-{service}"))["spec"];
        assert_eq!(
            policy["policyTypes"],
            serde_json::json!(["Ingress", "Egress"])
        );
        let pods = &policy["podSelector"]["matchLabels"];
        assert_eq!(pods["app.kubernetes.io/component"], *service);
    }
}

#[tokio::test]
async fn the_way_to_an_etcd_elsewhere_is_open_at_its_port() {
    let all = render(&["etcd.enabled=false", "etcd.endpoints={http://etcd:12379}"]).await;
    let policy = manifest(&all, "NetworkPolicy", "muster-presence");
    let expected = set(["anywhere 53", "anywhere 12379", "presence 9002"]);
    assert_eq!(passes(policy, "egress", "to"), expected);
}

#[tokio::test]
async fn the_way_to_a_broker_and_a_database_elsewhere_is_open_at_their_ports() {
    let mut values = vec![
        "rabbitmq.enabled=false",
        "rabbitmq.url.name=broker",
        "rabbitmq.url.key=url",
        "rabbitmq.url.port=5673",
    ];
    values.extend(["mariadb.url.name=database", "mariadb.url.key=url"]);
    let all = render(&values).await;
    let policy = manifest(&all, "NetworkPolicy", "muster-tasks");
    let names = ["anywhere 53", "etcd 2379", "anywhere 5673", "anywhere 3306"];
    assert_eq!(passes(policy, "egress", "to"), set(names));
}
