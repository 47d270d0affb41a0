//! The ways to the services, inside of a cluster and into it.

use serde_json::{Value, json};

use crate::SERVICES;
use crate::chart::{kinds_and_names, manifest, workload};
use crate::helm::render;

const OUTSIDE: [&str; 5] = [
    "gatewayApi.parents[0].name=public",
    "gatewayApi.parents[0].namespace=gateways",
    "gatewayApi.domain=example.org",
    "ingress.enabled=true",
    "ingress.host=muster.example.org",
];

fn of_kind(all: &[Value], kind: &str) -> Vec<String> {
    let names = kinds_and_names(all).into_iter();
    names
        .filter_map(|name| Some(name.strip_prefix(kind)?.trim().to_owned()))
        .collect()
}

/// For clients that choose among the pods themselves, which a connection to one address would keep with one of them.
#[tokio::test]
async fn each_pod_has_an_address_of_its_own_beside_the_one_of_all() {
    let all = render(&[]).await;
    for service in SERVICES {
        let name = format!("muster-{}", service.name);
        let one = &manifest(&all, "Service", &name)["spec"];
        let each = &manifest(&all, "Service", &format!("{name}-headless"))["spec"];
        assert!(one["clusterIP"].is_null(), "{name}");
        assert_eq!(each["clusterIP"], "None", "{name}");
        assert_eq!(each["selector"], one["selector"], "{name}");
        assert_eq!(each["ports"], json!([one["ports"][0]]), "{name}");
        assert_eq!(each["ports"][0]["appProtocol"], "kubernetes.io/h2c");
        if service.stored {
            let stored = &workload(&all, service.name)["spec"]["serviceName"];
            assert_eq!(*stored, format!("{name}-headless"));
        }
    }
}

#[tokio::test]
async fn gke_is_told_of_http_2_where_it_is_asked_for() {
    for (values, told) in [
        (&[][..], Value::Null),
        (
            &["gke.http2=true"],
            json!({"cloud.google.com/app-protocols": r#"{"grpc":"HTTP2"}"#}),
        ),
    ] {
        let all = render(values).await;
        for service in SERVICES {
            let one = manifest(&all, "Service", &format!("muster-{}", service.name));
            assert_eq!(one["metadata"]["annotations"], told);
            assert_eq!(one["spec"]["ports"][0]["name"], "grpc");
        }
    }
}

#[tokio::test]
async fn nothing_leads_in_from_outside_unless_it_is_asked_for() {
    let all = render(&[]).await;
    for kind in ["GRPCRoute", "HTTPRoute", "Ingress"] {
        assert_eq!(of_kind(&all, kind), Vec::<String>::new());
    }
}

/// Nothing authenticates those who come in.
#[tokio::test]
async fn a_gateway_leads_to_the_gateway_alone_unless_more_is_asked_for() {
    let all = render(&OUTSIDE).await;
    assert_eq!(of_kind(&all, "GRPCRoute"), ["muster-gateway"]);
    assert_eq!(of_kind(&all, "HTTPRoute"), ["muster-gateway"]);
    let all = render(&[&OUTSIDE[..], &["gatewayApi.services={presence}"]].concat()).await;
    assert_eq!(of_kind(&all, "GRPCRoute"), ["muster-presence"]);
    assert_eq!(of_kind(&all, "HTTPRoute"), Vec::<String>::new());
}

/// `OUTSIDE`, with ways to all services.
fn everywhere() -> Vec<&'static str> {
    let all = "gatewayApi.services={activity,conflicts,gateway,notificator,presence,tasks,users}";
    [&OUTSIDE[..], &[all]].concat()
}

/// A Gateway takes no GRPCRoute and HTTPRoute of the same name, and a GRPCRoute leads no JSON.
#[tokio::test]
async fn a_gateway_leads_to_each_service_that_is_named_and_to_the_page() {
    let all = render(&everywhere()).await;
    let with_json = ["tasks", "users"];
    assert_eq!(
        of_kind(&all, "GRPCRoute").len(),
        SERVICES.len() - with_json.len()
    );
    for service in SERVICES {
        let name = format!("muster-{}", service.name);
        let kind = match with_json.contains(&service.name) {
            true => "HTTPRoute",
            false => "GRPCRoute",
        };
        let route = &manifest(&all, kind, &name)["spec"];
        assert_eq!(
            route["parentRefs"],
            json!([{"name": "public", "namespace": "gateways"}])
        );
        assert_eq!(
            route["hostnames"],
            json!([format!("{}.example.org", service.name)])
        );
        let to = &route["rules"][0]["backendRefs"];
        assert_eq!(*to, json!([{"name": name, "port": service.port}]));
    }
    let page = &manifest(&all, "HTTPRoute", "muster-gateway")["spec"];
    assert_eq!(page["hostnames"], json!(["example.org"]));
    let to = &page["rules"][0]["backendRefs"];
    assert_eq!(*to, json!([{"name": "muster-gateway", "port": 8181}]));
}

#[tokio::test]
async fn an_ingress_leads_to_the_page() {
    let all = render(&OUTSIDE).await;
    let rule = &manifest(&all, "Ingress", "muster-gateway")["spec"]["rules"][0];
    assert_eq!(rule["host"], "muster.example.org");
    let to = &rule["http"]["paths"][0]["backend"]["service"];
    assert_eq!(
        *to,
        json!({"name": "muster-gateway", "port": {"name": "web"}})
    );
    let ports = &manifest(&all, "Service", "muster-gateway")["spec"]["ports"];
    assert!(
        ports
            .as_array()
            .unwrap()
            .iter()
            .any(|port| port["name"] == "web")
    );
}

#[tokio::test]
async fn without_the_gateway_there_is_no_page_to_lead_to() {
    let values = [&everywhere()[..], &["services.gateway.enabled=false"]].concat();
    let all = render(&values).await;
    let others = ["activity", "conflicts", "notificator", "presence"];
    let others = others.map(|service| format!("muster-{service}"));
    assert_eq!(of_kind(&all, "GRPCRoute"), others);
    assert_eq!(of_kind(&all, "HTTPRoute"), ["muster-tasks", "muster-users"]);
    assert_eq!(of_kind(&all, "Ingress"), Vec::<String>::new());
}
