//! The alerts on a Prometheus that others share: with other jobs, and with the suite in several namespaces. What their
//! tests put in is changed, and what they expect with it.

use std::fs;

use serde_json::{Value, json};

use crate::alerts::{ALERTS, TESTS, promtool, yaml};
use crate::path;

const JOB: &str = r#"job="muster""#;
const NAMESPACES: [&str; 2] = ["one", "other"];

/// Runs the tests of all alerts, those that are left, as they are after the change.
async fn run_changed(change: impl Fn(&mut Value) -> bool) {
    let mut all = yaml(TESTS);
    all["rule_files"][0] = path(ALERTS).to_str().unwrap().into();
    let tests = all["tests"].as_array_mut().unwrap();
    // What people read is told of one job and one namespace.
    tests.retain_mut(|test| !test["promql_expr_test"].is_null() && change(test));
    assert!(tests.len() > 15, "{} are left", tests.len());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("changed.yaml");
    fs::write(&file, serde_yaml_ng::to_string(&all).unwrap()).unwrap();
    promtool(&["test", "rules", file.to_str().unwrap()]).await;
}

/// OpenTelemetry gives others metrics of the same names.
#[tokio::test]
async fn no_alert_fires_on_the_series_of_another_job() {
    run_changed(|test| {
        for series in test["input_series"].as_array_mut().unwrap() {
            let ours = series["series"].as_str().unwrap();
            series["series"] = ours.replace(JOB, r#"job="shop""#).into();
        }
        for asked in test["promql_expr_test"].as_array_mut().unwrap() {
            asked["exp_samples"] = json!([]);
        }
        true
    })
    .await;
}

#[tokio::test]
async fn every_alert_tells_of_one_namespace_what_is_wrong_there() {
    run_changed(|test| {
        let series = test["input_series"].as_array_mut().unwrap();
        // That has them already.
        if series
            .iter()
            .any(|one| one.to_string().contains("namespace="))
        {
            return false;
        }
        *series = in_each_namespace(series, "series");
        for asked in test["promql_expr_test"].as_array_mut().unwrap() {
            let by = asked["expr"].as_str().unwrap();
            asked["expr"] = by.replace("by (", "by (namespace, ").into();
            let expected = asked["exp_samples"].as_array().unwrap();
            asked["exp_samples"] = in_each_namespace(expected, "labels").into();
        }
        true
    })
    .await;
}

/// Each of them once in each namespace: the text under that name has labels.
fn in_each_namespace(all: &[Value], name: &str) -> Vec<Value> {
    let put = |one: &Value, namespace: &str| {
        let mut one = one.clone();
        let text = one[name].as_str().unwrap();
        one[name] = text
            .replacen("{", &format!(r#"{{namespace="{namespace}", "#), 1)
            .into();
        one
    };
    let in_all = |one| NAMESPACES.map(|namespace| put(one, namespace));
    all.iter().flat_map(in_all).collect()
}
