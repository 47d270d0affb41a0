//! TLS by values: what the services, the probes and the test are given.

use serde_json::{Value, json};

use crate::SERVICES;
use crate::chart::{container, env, kinds_and_names, manifest, pod, workload};
use crate::helm::render;

const ENABLED: [&str; 2] = ["tls.enabled=true", "tls.existingSecret=certs"];

/// The value of a variable of a service, where it has one.
fn value<'a>(all: &'a [Value], service: &str, name: &str) -> Option<&'a str> {
    env(workload(all, service), name)?["value"].as_str()
}

#[tokio::test]
async fn without_tls_nothing_speaks_of_it() {
    let all = render(&[]).await;
    for service in SERVICES {
        let variables = container(workload(&all, service.name))["env"].to_string();
        assert!(!variables.contains("TLS"), "{}", service.name);
        assert_eq!(value(&all, service.name, "MUSTER_INSECURE"), Some("true"));
        assert!(pod(workload(&all, service.name))["volumes"].is_null());
    }
}

#[tokio::test]
async fn every_service_is_given_the_secret_as_a_folder_that_follows_it() {
    let all = render(&ENABLED).await;
    for service in SERVICES {
        let workload = workload(&all, service.name);
        let volumes = &pod(workload)["volumes"];
        assert_eq!(volumes[0]["secret"]["secretName"], "certs");
        let mounts = container(workload)["volumeMounts"].as_array().unwrap();
        // A file of its own (subPath) would stay what it was when the pod started.
        let tls = json!({"name": "tls", "mountPath": "/tls", "readOnly": true});
        assert!(mounts.contains(&tls), "{mounts:?}");
        for (name, file) in [
            ("MUSTER_TLS_CERT", "/tls/tls.crt"),
            ("MUSTER_TLS_KEY", "/tls/tls.key"),
            ("MUSTER_TLS_CA", "/tls/ca.crt"),
        ] {
            assert_eq!(value(&all, service.name, name), Some(file));
        }
    }
}

#[tokio::test]
async fn callers_show_certificates_to_all_but_the_gateway_unless_that_is_asked_for_too() {
    let gateway_too = [&ENABLED[..], &["tls.gatewayClientAuth=true"]].concat();
    let nobody = [&ENABLED[..], &["tls.clientAuth=false"]].concat();
    for (values, services, gateway) in [
        (&ENABLED[..], true, false),
        (&gateway_too, true, true),
        (&nobody, false, false),
    ] {
        let all = render(values).await;
        for service in SERVICES {
            let shown = if service.name == "gateway" {
                gateway
            } else {
                services
            };
            let ca = value(&all, service.name, "MUSTER_TLS_CLIENT_CA");
            assert_eq!(
                ca,
                shown.then_some("/tls/ca.crt"),
                "{} with {values:?}",
                service.name
            );
            // Whoever authenticates needs no leave to listen.
            let insecure = value(&all, service.name, "MUSTER_INSECURE");
            assert_eq!(insecure, Some(if shown { "false" } else { "true" }));
            let probe = container(workload(&all, service.name))["readinessProbe"].to_string();
            assert_eq!(probe.contains("-tls-client-cert=/tls/tls.crt"), shown);
        }
    }
}

/// The kubelet's own probes speak no TLS.
#[tokio::test]
async fn with_tls_readiness_is_asked_by_the_binary_which_believes_the_ca_alone() {
    let all = render(&ENABLED).await;
    for service in SERVICES {
        let probe = &container(workload(&all, service.name))["readinessProbe"];
        let command = probe["exec"]["command"].as_array().unwrap();
        let words: Vec<&str> = command.iter().map(|word| word.as_str().unwrap()).collect();
        let addr = format!("-addr=:{}", service.port);
        assert_eq!(words[..2], ["/bin/grpc-health-probe", &addr]);
        assert!(!words.iter().any(|word| word.starts_with("-service")));
        for flag in ["-tls", "-tls-ca-cert=/tls/ca.crt"] {
            assert!(words.contains(&flag), "{words:?}");
        }
        let name = format!("-tls-server-name={}", service.name);
        assert!(words.contains(&name.as_str()), "{words:?}");
        // Longer than the probe's own deadlines, or the kubelet would not see what it found.
        assert!(probe["timeoutSeconds"].as_u64() > Some(2));
    }
}

#[tokio::test]
async fn all_probes_run_the_binary_where_that_is_asked_for() {
    let exec = "probes.exec=true";
    let ready = json!(["/bin/grpc-health-probe", "-addr=:8081"]);
    let alive = json!(["/bin/grpc-health-probe", "-addr=:8080", "-service=liveness"]);
    for values in [&[exec][..], &[ENABLED[0], ENABLED[1], exec]] {
        let all = render(values).await;
        let users = container(workload(&all, "users"));
        for probe in ["startupProbe", "livenessProbe"] {
            assert_eq!(users[probe]["exec"]["command"], alive, "{values:?}");
            assert!(users[probe]["grpc"].is_null());
            assert!(users[probe]["timeoutSeconds"].as_u64() > Some(2));
        }
        assert!(users["readinessProbe"]["grpc"].is_null());
        if values.len() == 1 {
            assert_eq!(users["readinessProbe"]["exec"]["command"], ready);
        }
    }
}

/// HTTP/2 in the clear would be said of a port that speaks TLS.
#[tokio::test]
async fn a_port_says_whether_it_speaks_tls() {
    let all = render(&ENABLED).await;
    for service in SERVICES {
        let ports =
            &manifest(&all, "Service", &format!("muster-{}", service.name))["spec"]["ports"];
        for port in ports.as_array().unwrap() {
            let expected = if port["name"] == "admin" {
                "http"
            } else {
                "https"
            };
            assert_eq!(
                port["appProtocol"], expected,
                "{} of {}",
                port["name"], service.name
            );
        }
    }
}

#[tokio::test]
async fn cert_manager_makes_a_certificate_with_the_names_by_which_services_know_each_other() {
    let all = render(&[
        "tls.enabled=true",
        "tls.certManager.enabled=true",
        "tls.certManager.issuerRef.name=our-ca",
        "tls.certManager.issuerRef.kind=ClusterIssuer",
    ])
    .await;
    let certificate = &manifest(&all, "Certificate", "muster-tls")["spec"];
    assert_eq!(
        certificate["issuerRef"],
        json!({"name": "our-ca", "kind": "ClusterIssuer"})
    );
    let names = certificate["dnsNames"].as_array().unwrap();
    for service in SERVICES {
        for name in [service.name.to_owned(), format!("muster-{}", service.name)] {
            assert!(names.contains(&name.clone().into()), "{name}");
        }
        let secret = &pod(workload(&all, service.name))["volumes"][0]["secret"];
        assert_eq!(secret["secretName"], certificate["secretName"]);
    }
    // They are clients of each other.
    assert_eq!(certificate["usages"], json!(["server auth", "client auth"]));
    let own = render(&ENABLED).await;
    assert!(
        !kinds_and_names(&own)
            .iter()
            .any(|name| name.contains("Certificate"))
    );
}
