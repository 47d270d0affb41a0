//! What expressions select: of a Prometheus that others share, and in which other applications have metrics of the same
//! names.

use crate::alerts::alerts;
use crate::dashboards::{expressions, variables};

/// What joins expressions.
const OPERATORS: [&str; 5] = ["and", "or", "unless", "offset", "bool"];
/// What a list of labels follows.
const CLAUSES: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];

/// Some series: of a metric, with the labels that these matchers name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub(crate) metric: String,
    pub(crate) matchers: String,
}

/// All that an expression selects.
pub(crate) fn selectors(expr: &str) -> Vec<Selector> {
    let (mut found, mut rest) = (Vec::new(), expr);
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '"' => behind_string(rest),
            '[' => behind(rest, ']'),
            _ if is_word(first) => {
                let (word, after) =
                    rest.split_at(rest.find(|one: char| !is_word(one)).unwrap_or(rest.len()));
                behind_word(word, after, &mut found)
            }
            _ => &rest[first.len_utf8()..],
        };
    }
    found
}

/// Takes a word and what belongs to it: the labels of a clause, the matchers of a metric.
fn behind_word<'a>(word: &str, after: &'a str, found: &mut Vec<Selector>) -> &'a str {
    let next = after.trim_start();
    if CLAUSES.contains(&word) {
        return if next.starts_with('(') {
            behind(next, ')')
        } else {
            after
        };
    }
    let is_called = ["(", "by (", "without ("]
        .iter()
        .any(|one| next.starts_with(one));
    let is_number = word.starts_with(|first: char| first.is_ascii_digit());
    if is_called || is_number || OPERATORS.contains(&word) {
        return after;
    }
    let rest = behind_matchers(after);
    let matchers = &after[..after.len() - rest.len()];
    found.push(Selector {
        metric: word.to_owned(),
        matchers: matchers.trim_matches(['{', '}']).to_owned(),
    });
    rest
}

fn behind_matchers(text: &str) -> &str {
    let Some(mut rest) = text.strip_prefix('{') else {
        return text;
    };
    while !rest.starts_with('}') {
        rest = match rest.find(['"', '}']).unwrap() {
            0 => behind_string(rest),
            at => &rest[at..],
        };
    }
    &rest[1..]
}

/// A text without the string that it begins with.
fn behind_string(text: &str) -> &str {
    behind(&text[1..], '"')
}

fn behind(text: &str, end: char) -> &str {
    text.split_once(end).unwrap().1
}

fn is_word(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// Those of all alerts, and of all dashboards with what their variables ask for.
fn all() -> [Vec<Selector>; 2] {
    let of_alerts = alerts()
        .into_iter()
        .map(|alert| alert["expr"].as_str().unwrap().to_owned());
    let of_dashboards = expressions().into_iter().chain(variables());
    let selected = |all: Vec<String>| {
        let all = all.iter().flat_map(|expr| selectors(expr));
        all.collect::<Vec<_>>()
    };
    [
        selected(of_alerts.collect()),
        selected(of_dashboards.collect()),
    ]
}

#[test]
fn an_expression_selects_what_it_names_and_no_label_function_or_number() {
    let expr = r#"label_replace(sum by (a, b) (rate(x{c="}", d=~"(e|f)"}[5m])) / on (a) y > 1e9, "g", "$1", "h", "(i)")
        unless count(z{} offset 3h) or time() - group without (j) (k)"#;
    let found: Vec<(String, String)> = selectors(expr)
        .into_iter()
        .map(|one| (one.metric, one.matchers))
        .collect();
    let expected = [
        ("x", r#"c="}", d=~"(e|f)""#),
        ("y", ""),
        ("z", ""),
        ("k", ""),
    ];
    assert_eq!(
        found,
        expected.map(|(metric, matchers)| (metric.to_owned(), matchers.to_owned()))
    );
}

/// `ALERTS` is of no job, and kubelets alone tell of volumes.
#[test]
fn every_selector_names_the_job() {
    for selector in all().iter().flatten() {
        let is_of_others = selector.metric == "ALERTS" || selector.metric.starts_with("kubelet_");
        let names_it = selector
            .matchers
            .split(", ")
            .any(|one| one == r#"job="muster""#);
        assert!(names_it || is_of_others, "{selector:?}");
    }
}

#[test]
fn what_dashboards_show_is_of_the_namespace_that_is_chosen() {
    let [_, of_dashboards] = all();
    for selector in of_dashboards {
        let names_it = selector.matchers.contains(r#"namespace=~".*""#);
        // That asks which there are.
        let asks_for_it = selector.metric == "up" && selector.matchers == r#"job="muster""#;
        assert!(names_it || asks_for_it, "{selector:?}");
    }
}

/// Probes and scrapes are more than all else on a quiet day: failures among all would look few.
#[test]
fn what_is_called_is_told_without_health_checks_reflection_and_scrapes() {
    for selector in all().iter().flatten() {
        let left_out: &[&str] = match &*selector.metric {
            metric if metric.starts_with("rpc_server_") => {
                &[r#"rpc_method!~"grpc.(health|reflection).+"#]
            }
            metric if metric.starts_with("http_server_") => &[
                r#"service!="admin""#,
                r#"service!~"admin|"#,
                r#"service="tasks""#,
            ],
            _ => continue,
        };
        let leaves_out = left_out.iter().any(|one| selector.matchers.contains(one));
        assert!(leaves_out, "{selector:?}");
    }
}
