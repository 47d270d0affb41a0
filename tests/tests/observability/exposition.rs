//! Prometheus' text format, as far as the services write it.

use std::collections::{BTreeMap, BTreeSet};

/// What `/metrics` says of one metric.
#[derive(Debug, Clone, Default)]
pub(crate) struct Family {
    pub(crate) kind: String,
    pub(crate) help: String,
    /// The labels of each of its series, without those that make a histogram.
    pub(crate) series: BTreeSet<BTreeMap<String, String>>,
}

/// All metrics of an answer, by name.
pub(crate) fn families(text: &str) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            families.entry(name.to_owned()).or_default().help = help.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            families.entry(name.to_owned()).or_default().kind = kind.to_owned();
        } else {
            let (name, labels) = sample(line);
            let name = base(&families, &name);
            families.entry(name).or_default().series.insert(labels);
        }
    }
    families
}

/// The name of the metric that a sample belongs to.
fn base(families: &BTreeMap<String, Family>, name: &str) -> String {
    let of_histogram = ["_bucket", "_sum", "_count"]
        .iter()
        .filter_map(|part| name.strip_suffix(part))
        .find(|base| {
            families
                .get(*base)
                .is_some_and(|one| one.kind == "histogram")
        });
    of_histogram.unwrap_or(name).to_owned()
}

fn sample(line: &str) -> (String, BTreeMap<String, String>) {
    let (series, _value) = line.rsplit_once(' ').unwrap();
    let Some((name, labels)) = series.split_once('{') else {
        return (series.to_owned(), BTreeMap::new());
    };
    let labels = labels.trim_end_matches('}').split("\",");
    let pair = |label: &str| {
        let (name, value) = label.split_once("=\"").unwrap();
        (name.to_owned(), value.trim_end_matches('"').to_owned())
    };
    let labels = labels.map(pair).filter(|(name, _)| name != "le");
    (name.to_owned(), labels.collect())
}
