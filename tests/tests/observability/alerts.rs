//! The alerts, as promtool reads them.

use std::collections::BTreeSet;

use muster_testkit::{find, run};
use serde_json::Value;
use tokio::process::Command;

use crate::{path, read};

pub(crate) const ALERTS: &str = "k8s/helm/muster/files/alerts.yaml";
pub(crate) const TESTS: &str = "observability/alerts_test.yaml";

pub(crate) async fn promtool(words: &[&str]) {
    let mut promtool = Command::new(find("promtool"));
    run(promtool.args(words).current_dir(path("")), "")
        .await
        .ok();
}

pub(crate) fn yaml(file: &str) -> Value {
    serde_yaml_ng::from_str(&read(file)).unwrap()
}

pub(crate) fn alerts() -> Vec<Value> {
    let groups = yaml(ALERTS)["groups"].as_array().unwrap().clone();
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap());
    rules.cloned().collect()
}

#[tokio::test]
async fn every_alert_fires_when_it_should_and_not_before() {
    promtool(&["test", "rules", TESTS]).await;
}

#[tokio::test]
async fn the_configuration_of_prometheus_is_one() {
    promtool(&["check", "config", "observability/prometheus.yaml"]).await;
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_does_not() {
    let tests = yaml(TESTS)["tests"].as_array().unwrap().clone();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        let of_alert = tests.iter().find(|test| test["name"] == name);
        let of_alert = of_alert.unwrap_or_else(|| panic!("{name} has no test"));
        let asked = of_alert["promql_expr_test"].as_array().unwrap().iter();
        let (fires, quiet): (Vec<&Value>, Vec<&Value>) =
            asked.partition(|test| test["exp_samples"].to_string().contains(name));
        assert!(!fires.is_empty() && !quiet.is_empty(), "{name}");
    }
}

/// Whoever is woken up reads what to do.
#[test]
fn every_alert_tells_what_to_do() {
    let doc = read("docs/observability.md");
    let titles: BTreeSet<&str> = doc
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .collect();
    let mut names = BTreeSet::new();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap().to_owned();
        let anchor = format!("docs/observability.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook"], anchor);
        for text in ["summary", "description"] {
            assert!(
                alert["annotations"][text].is_string(),
                "{name} has no {text}"
            );
        }
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(["page", "ticket"].contains(&severity), "{name}: {severity}");
        names.insert(name);
    }
    assert_eq!(
        names.iter().map(String::as_str).collect::<BTreeSet<_>>(),
        titles
    );
}
