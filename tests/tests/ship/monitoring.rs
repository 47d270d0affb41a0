//! Traces, metrics, alerts and dashboards by values.

use std::collections::BTreeSet;
use std::fs;

use muster_testkit::{find, run};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::chart::{container, env, kinds_and_names, manifest, workload, workloads};
use crate::helm::{copy, documents, render, template_of};
use crate::network_policy::passes;
use crate::{SERVICES, path};

pub(crate) const ENABLED: [&str; 4] = [
    "monitoring.podMonitor.enabled=true",
    "monitoring.podMonitor.labels.release=prometheus",
    "monitoring.prometheusRule.enabled=true",
    "monitoring.dashboards.enabled=true",
];

#[tokio::test]
async fn traces_go_where_the_values_say_and_the_policies_let_them() {
    let all = render(&[
        "telemetry.otlp.endpoint=http://collector.monitoring:14317",
        "telemetry.otlp.sampler=parentbased_traceidratio",
        "telemetry.otlp.samplerArg=0.1",
    ])
    .await;
    for service in SERVICES {
        let workload = workload(&all, service.name);
        for (name, value) in [
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                "http://collector.monitoring:14317",
            ),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.1"),
        ] {
            assert_eq!(env(workload, name).unwrap()["value"], value);
        }
        let policy = manifest(&all, "NetworkPolicy", &format!("muster-{}", service.name));
        assert!(passes(policy, "egress", "to").contains("anywhere 14317"));
    }
}

#[tokio::test]
async fn without_a_collector_there_are_no_traces() {
    let all = render(&[]).await;
    for service in SERVICES {
        let variables = container(workload(&all, service.name))["env"].to_string();
        assert!(!variables.contains("OTEL_"), "{}", service.name);
    }
}

/// No share at all is a share, too.
#[tokio::test]
async fn the_share_of_traces_may_be_none() {
    let all = render(&[
        "telemetry.otlp.endpoint=http://collector",
        "telemetry.otlp.sampler=traceidratio",
        "telemetry.otlp.samplerArg=0",
    ])
    .await;
    let users = workload(&all, "users");
    assert_eq!(env(users, "OTEL_TRACES_SAMPLER_ARG").unwrap()["value"], "0");
    let policy = manifest(&all, "NetworkPolicy", "muster-users");
    assert!(
        passes(policy, "egress", "to").contains("anywhere 4317"),
        "the port of OTLP"
    );
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_monitored() {
    let all = render(&[]).await;
    for kind in ["PodMonitor", "PrometheusRule", "ConfigMap"] {
        assert!(
            !kinds_and_names(&all)
                .iter()
                .any(|name| name.starts_with(kind))
        );
    }
}

#[tokio::test]
async fn an_alert_links_to_what_to_do_where_that_can_be_read() {
    let annotations = async |values: &[&str]| {
        let all = render(&[&ENABLED[..], values].concat()).await;
        let groups =
            manifest(&all, "PrometheusRule", "muster-monitoring")["spec"]["groups"].clone();
        let rules = groups.as_array().unwrap().iter();
        let rules = rules.flat_map(|group| group["rules"].as_array().unwrap().clone());
        let rules: Vec<Value> = rules.map(|rule| rule["annotations"].clone()).collect();
        assert!(rules.len() > 15);
        rules
    };
    for alert in annotations(&[]).await {
        assert!(alert["runbook_url"].is_null());
    }
    let at = "monitoring.prometheusRule.runbooks=https://git.example.org/muster/";
    for alert in annotations(&[at]).await {
        let link = alert["runbook_url"].as_str().unwrap();
        assert!(link.starts_with("https://git.example.org/muster/docs/observability.md#muster"));
    }
}

/// Whoever else has a port of that name would be asked for metrics, too.
#[tokio::test]
async fn the_monitor_reads_the_metrics_of_every_service_and_of_nothing_else() {
    let all = render(&ENABLED).await;
    let monitor = manifest(&all, "PodMonitor", "muster-monitoring");
    assert_eq!(monitor["metadata"]["labels"]["release"], "prometheus");
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    assert_eq!(
        (&endpoint["port"], &endpoint["path"]),
        (&"admin".into(), &"/metrics".into())
    );
    // The alerts look at the job muster, and at the service that a metric names itself.
    assert_eq!(monitor["spec"]["jobLabel"], "app.kubernetes.io/name");
    assert_eq!(endpoint["honorLabels"], true);
    // As the alerts expect it.
    assert_eq!(endpoint["honorLabels"], true);
    assert_eq!(endpoint["relabelings"][0]["targetLabel"], "service");
    assert_eq!(monitor["spec"]["jobLabel"], "app.kubernetes.io/name");
    assert_eq!(
        monitor["metadata"]["labels"]["app.kubernetes.io/name"],
        "muster"
    );
    let selected = monitor["spec"]["selector"]["matchLabels"]
        .as_object()
        .unwrap();
    let has_port = |workload: &Value| {
        let ports = container(workload)["ports"].as_array().unwrap();
        ports.iter().any(|port| port["name"] == "admin")
    };
    for workload in workloads(&all) {
        let labels = &workload["spec"]["template"]["metadata"]["labels"];
        assert!(selected.iter().all(|(name, value)| labels[name] == *value));
        assert_eq!(labels["app.kubernetes.io/name"], "muster");
        let component = labels["app.kubernetes.io/component"].as_str().unwrap();
        let is_service = SERVICES.iter().any(|service| service.name == component);
        assert_eq!(has_port(workload), is_service, "{component}");
    }
}

/// The first block of a language that docs/observability.md has behind a heading.
fn block_of_doc(heading: &str, language: &str) -> String {
    let doc = fs::read_to_string(path("docs/observability.md")).unwrap();
    let (_, section) = doc.split_once(&format!("# {heading}\n")).unwrap();
    let (_, block) = section.split_once(&format!("```{language}\n")).unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

#[tokio::test]
async fn a_prometheus_of_another_namespace_is_let_in_by_the_values_of_the_doc() {
    let folder = tempfile::tempdir().unwrap();
    let values = folder.path().join("values.yaml");
    fs::write(&values, block_of_doc("Observability", "yaml")).unwrap();
    let mut helm = Command::new(find("helm"));
    helm.args(["template", "muster", "--kube-version", "1.30.0"]);
    helm.arg("--values")
        .arg(values)
        .arg(path("k8s/helm/muster"));
    let all = documents(&run(&mut helm, "").await.ok());
    let monitoring = json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}});
    for service in SERVICES {
        let policy = manifest(&all, "NetworkPolicy", &format!("muster-{}", service.name));
        let let_in = passes(policy, "ingress", "from");
        assert!(
            let_in.contains(&format!("{monitoring} admin")),
            "{let_in:?}"
        );
    }
}

/// The claim grows by a patch, and its StatefulSet is made anew with the template that it has then.
#[tokio::test]
async fn the_steps_to_a_larger_volume_name_what_the_chart_makes() {
    let steps = block_of_doc("MusterDiskFilling", "bash");
    let steps: Vec<&str> = steps.lines().collect();
    let [patch, delete, upgrade] = steps[..] else {
        panic!("{steps:?}");
    };
    let (patch, size) = patch.split_once(" -p ").unwrap();
    let size: Value = serde_json::from_str(size.trim_matches('\'')).unwrap();
    let (upgrade, value) = upgrade.split_once(" --set ").unwrap();
    assert!(upgrade.starts_with("helm upgrade muster ./k8s/helm/muster"));
    let name = delete.strip_prefix("kubectl delete statefulset ").unwrap();
    let name = name.strip_suffix(" --cascade=orphan").unwrap();
    let all = render(&[value]).await;
    let claim = &manifest(&all, "StatefulSet", name)["spec"]["volumeClaimTemplates"][0];
    let claim_name = claim["metadata"]["name"].as_str().unwrap();
    assert_eq!(patch, format!("kubectl patch pvc {claim_name}-{name}-0"));
    assert_eq!(
        claim["spec"]["resources"]["requests"],
        size["spec"]["resources"]["requests"]
    );
}

/// What `(a|b)` in a text lets through, behind the words before it.
fn alternatives(text: &str, before: &str) -> BTreeSet<String> {
    let (_, rest) = text.split_once(&format!("{before}(")).unwrap();
    let (all, _) = rest.split_once(')').unwrap();
    all.split('|').map(str::to_owned).collect()
}

/// A claim tells by its name alone whose it is.
#[tokio::test]
async fn the_alert_of_full_volumes_knows_the_claims_of_backends_and_the_pods_of_services() {
    let file = fs::read_to_string(path("k8s/helm/muster/files/alerts.yaml")).unwrap();
    let alerts: Value = serde_yaml_ng::from_str(&file).unwrap();
    let mut rules = alerts["groups"][0]["rules"].as_array().unwrap().iter();
    let alert = rules.find(|rule| rule["alert"] == "MusterBackendDiskFilling");
    let expr = alert.unwrap()["expr"].as_str().unwrap();
    let (mut services, mut backends) = (BTreeSet::new(), BTreeSet::new());
    for workload in workloads(&render(&["mariadb.enabled=true"]).await) {
        let name = workload["metadata"]["name"].as_str().unwrap();
        let component = name.strip_prefix("muster-").unwrap().to_owned();
        if SERVICES.iter().any(|service| service.name == component) {
            services.insert(component);
        } else {
            assert_eq!(workload["spec"]["replicas"], 1, "its claim is the first");
            let claim = &workload["spec"]["volumeClaimTemplates"][0];
            assert_eq!(claim["metadata"]["name"], "data");
            backends.insert(component);
        }
    }
    for claims in ["\"data-.+-", "\"data-(.+)-"] {
        assert_eq!(alternatives(expr, claims), backends);
    }
    assert_eq!(alternatives(expr, "\"(.+)-"), services);
}

/// Their `{{ }}` are Prometheus' and Grafana's own, which Helm must not read.
pub(crate) const ALERTS: &str = "groups:
  - name: ours
    rules:
      - alert: Down
        expr: up == 0
        annotations: {summary: \"{{ $labels.service }} is down\"}
";
const DASHBOARD: &str = r#"{"title": "ours", "legend": "{{service}}"}"#;

#[tokio::test]
async fn alerts_and_dashboards_are_those_of_the_files_as_they_are() {
    let folder = chart_with(&[("alerts.yaml", ALERTS), ("dashboards/ours.json", DASHBOARD)]);
    let all = documents(&template_of(folder.path(), &ENABLED).await.ok());
    let alerts: Value = serde_yaml_ng::from_str(ALERTS).unwrap();
    assert_eq!(
        manifest(&all, "PrometheusRule", "muster-monitoring")["spec"],
        alerts
    );
    let shown = manifest(&all, "ConfigMap", "muster-monitoring");
    assert_eq!(shown["metadata"]["labels"]["grafana_dashboard"], "1");
    assert_eq!(shown["data"], json!({"ours.json": DASHBOARD}));
}

#[tokio::test]
async fn what_there_is_no_file_for_is_left_out() {
    let folder = chart_with(&[]);
    let all = documents(&template_of(folder.path(), &ENABLED).await.ok());
    let names = kinds_and_names(&all);
    assert!(names.contains("PodMonitor muster-monitoring"));
    assert!(
        !names
            .iter()
            .any(|name| name.starts_with("PrometheusRule") || name.starts_with("ConfigMap"))
    );
}

/// The chart with those files alone in `files`.
pub(crate) fn chart_with(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&path("k8s/helm/muster"), folder.path());
    let own = folder.path().join("files");
    if own.exists() {
        fs::remove_dir_all(&own).unwrap();
    }
    fs::create_dir_all(own.join("dashboards")).unwrap();
    for (name, text) in files {
        fs::write(own.join(name), text).unwrap();
    }
    folder
}
