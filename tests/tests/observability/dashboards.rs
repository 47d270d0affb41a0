//! The dashboards, as Grafana reads them.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::alerts::alerts;
use crate::selectors::selectors;
use crate::table::table;
use crate::{path, read};

const FOLDER: &str = "k8s/helm/muster/files/dashboards";

/// What Prometheus has beside our metrics: its own, and those of kubelets.
const OF_OTHERS: [&str; 4] = [
    "up",
    "ALERTS",
    "kubelet_volume_stats_available_bytes",
    "kubelet_volume_stats_capacity_bytes",
];

/// All dashboards, by the name of the file.
pub(crate) fn dashboards() -> Vec<(String, Value)> {
    let files = fs::read_dir(path(FOLDER)).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let read = |name: String| {
        let board = serde_json::from_str(&read(&format!("{FOLDER}/{name}"))).unwrap();
        (name, board)
    };
    names.map(read).collect()
}

/// The panels that show something.
fn panels(board: &Value) -> Vec<&Value> {
    let all = board["panels"].as_array().unwrap().iter();
    all.filter(|panel| panel["type"] != "row").collect()
}

/// What all panels ask for, as Prometheus is asked.
pub(crate) fn expressions() -> Vec<String> {
    let mut all = Vec::new();
    for (_, board) in dashboards() {
        for panel in panels(&board) {
            for target in panel["targets"].as_array().unwrap() {
                let expr = target["expr"].as_str().unwrap();
                let expr = with_values(expr);
                all.push(expr);
            }
        }
    }
    all
}

/// An expression with a value for each variable.
fn with_values(expr: &str) -> String {
    let expr = expr
        .replace("$__rate_interval", "1m")
        .replace("$namespace", ".*")
        .replace("$service", "tasks");
    assert!(!expr.contains('$'), "{expr}: an unknown variable");
    expr
}

/// What the variables of all dashboards ask for: `label_values(EXPRESSION, LABEL)`.
pub(crate) fn variables() -> Vec<String> {
    let boards = dashboards().into_iter();
    let variables =
        boards.flat_map(|(_, board)| board["templating"]["list"].as_array().unwrap().clone());
    let asked = variables
        .filter(|variable| variable["type"] == "query")
        .map(|variable| {
            let query = variable["query"]["query"].as_str().unwrap();
            assert_eq!(variable["definition"], query);
            let call = query.strip_prefix("label_values(").unwrap();
            with_values(call.rsplit_once(", ").unwrap().0)
        });
    asked.collect()
}

#[test]
fn there_is_an_overview_one_for_the_chain_and_one_for_a_service() {
    let names: BTreeSet<String> = dashboards().into_iter().map(|(name, _)| name).collect();
    let expected = ["overview.json", "chain.json", "service.json"];
    assert_eq!(names, expected.map(str::to_owned).into_iter().collect());
    let uids: BTreeSet<String> = dashboards()
        .iter()
        .map(|(_, board)| board["uid"].to_string())
        .collect();
    assert_eq!(uids.len(), expected.len());
}

#[test]
fn every_panel_has_a_title_a_unit_its_place_and_something_to_show() {
    for (name, board) in dashboards() {
        let mut places = BTreeSet::new();
        for panel in panels(&board) {
            let title = panel["title"].as_str().unwrap();
            assert!(!title.is_empty(), "{name}");
            assert!(
                panel["fieldConfig"]["defaults"]["unit"].is_string(),
                "{name}: {title}"
            );
            assert_eq!(
                panel["datasource"]["uid"], "${datasource}",
                "{name}: {title}"
            );
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{name}: {title}");
            assert!(
                targets
                    .iter()
                    .all(|target| target["legendFormat"].as_str() != Some(""))
            );
            let grid = &panel["gridPos"];
            let edge =
                |at: &str, size: &str| grid[at].as_i64().unwrap() + grid[size].as_i64().unwrap();
            assert!(edge("x", "w") <= 24, "{name}: {title} is beyond the edge");
            let place = (grid["x"].as_i64(), grid["y"].as_i64());
            assert!(places.insert(place), "{name}: {title} covers another");
        }
    }
}

#[test]
fn the_source_of_the_data_can_be_chosen_and_is_there_in_compose() {
    let sources: Value =
        serde_yaml_ng::from_str(&read("observability/grafana/datasources/prometheus.yaml"))
            .unwrap();
    for (name, board) in dashboards() {
        let variables = board["templating"]["list"].as_array().unwrap();
        let chosen = variables
            .iter()
            .find(|one| one["type"] == "datasource")
            .unwrap();
        assert_eq!(chosen["name"], "datasource", "{name}");
        assert_eq!(chosen["query"], "prometheus", "{name}");
        assert_eq!(
            chosen["current"]["value"], sources["datasources"][0]["uid"],
            "{name}"
        );
    }
}

/// The metrics that an expression names.
fn metrics_of(expr: &str) -> BTreeSet<String> {
    let selectors = selectors(expr).into_iter();
    selectors.map(|selector| selector.metric).collect()
}

/// A metric under one of the names of its series.
fn is_known(name: &str) -> bool {
    let table = table();
    let parts = ["_bucket", "_sum", "_count"];
    let of_histogram = parts.iter().filter_map(|part| name.strip_suffix(part));
    let is_histogram = |base: &str| table.get(base).is_some_and(|row| row.kind == "histogram");
    let is_plain = table.get(name).is_some_and(|row| row.kind != "histogram");
    OF_OTHERS.contains(&name) || is_plain || of_histogram.into_iter().any(is_histogram)
}

#[test]
fn dashboards_and_alerts_name_metrics_that_there_are() {
    let alerts = alerts().into_iter();
    let alerts = alerts.map(|alert| alert["expr"].as_str().unwrap().to_owned());
    let expressions: Vec<String> = expressions().into_iter().chain(alerts).collect();
    assert!(expressions.len() > 100);
    for expr in expressions {
        let names = metrics_of(&expr);
        assert!(!names.is_empty(), "{expr}");
        for name in names {
            assert!(is_known(&name), "{expr}: no metric {name}");
        }
    }
}

#[test]
fn every_metric_is_on_some_dashboard() {
    let shown: BTreeSet<String> = expressions()
        .iter()
        .flat_map(|expr| metrics_of(expr))
        .collect();
    for (name, row) in table() {
        let is_shown = match &*row.kind {
            "histogram" => shown.iter().any(|one| one.starts_with(&name)),
            _ => shown.contains(&name),
        };
        assert!(is_shown, "{name} is on no dashboard");
    }
}
