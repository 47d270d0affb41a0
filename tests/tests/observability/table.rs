//! The table of metrics in docs/observability.md.

use std::collections::{BTreeMap, BTreeSet};

use crate::read;

/// What is written of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) kind: String,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) help: String,
}

/// All rows, by the name of the metric.
pub(crate) fn table() -> BTreeMap<String, Row> {
    let text = read("docs/observability.md");
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    let rows: BTreeMap<String, Row> = lines.iter().map(|line| row(line)).collect();
    assert_eq!(rows.len(), lines.len(), "a metric is there twice");
    rows
}

fn row(line: &str) -> (String, Row) {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [name, kind, labels, help] = cells[..] else {
        panic!("{line}: not four cells");
    };
    let bare = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let labels = labels.split(',').filter(|label| !label.is_empty());
    let row = Row {
        kind: kind.to_owned(),
        labels: labels.map(bare).collect(),
        help: help.to_owned(),
    };
    (bare(name), row)
}

#[test]
fn names_say_what_is_measured_and_in_which_unit() {
    for (name, row) in table() {
        let fits = match &*row.kind {
            "counter" => name.ends_with("_total"),
            "histogram" => name.ends_with("_seconds"),
            "gauge" => !name.ends_with("_total"),
            other => panic!("{name}: {other} is no type"),
        };
        let is_base_unit = !["_ms", "_millis", "_kb", "_mb", "_percent"]
            .iter()
            .any(|unit| name.contains(unit));
        assert!(fits && is_base_unit, "{name} is a {}", row.kind);
    }
}
