//! Traces, metrics, alerts and dashboards by values.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

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
