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

#[tokio::test]
async fn a_gateway_leads_to_each_service_by_its_name_and_to_the_page() {
    let all = render(&OUTSIDE).await;
    for service in SERVICES {
        let name = format!("muster-{}", service.name);
        let route = &manifest(&all, "GRPCRoute", &name)["spec"];
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
    let values = [&OUTSIDE[..], &["services.gateway.enabled=false"]].concat();
    let all = render(&values).await;
    assert_eq!(of_kind(&all, "GRPCRoute").len(), SERVICES.len() - 1);
    assert_eq!(
        of_kind(&all, "HTTPRoute").len() + of_kind(&all, "Ingress").len(),
        0
    );
}
