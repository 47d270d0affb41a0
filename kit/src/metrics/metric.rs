//! What is measured, and what it means.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, histogram};

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// As Prometheus has it: what it belongs to, what it is, its unit, `_total` where it only grows.
    pub name: &'static str,
    /// What becomes of it in time.
    pub kind: Kind,
    /// By what it is told apart; each has few values.
    pub labels: &'static [&'static str],
    /// One sentence: what it is, and where it helps, what it means.
    pub help: &'static str,
}

/// What becomes of a metric in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from 0 at the start.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How often there was how much.
    Histogram,
}

impl Metric {
    /// One that only grows.
    pub const fn counter(name: &'static str, help: &'static str) -> Metric {
        Metric::new(name, Kind::Counter, help)
    }

    /// One that goes up and down.
    pub const fn gauge(name: &'static str, help: &'static str) -> Metric {
        Metric::new(name, Kind::Gauge, help)
    }

    /// How often there was how much; in seconds.
    pub const fn histogram(name: &'static str, help: &'static str) -> Metric {
        Metric::new(name, Kind::Histogram, help)
    }

    const fn new(name: &'static str, kind: Kind, help: &'static str) -> Metric {
        Metric {
            name,
            kind,
            labels: &[],
            help,
        }
    }

    /// The same, told apart by these.
    pub const fn by(self, labels: &'static [&'static str]) -> Metric {
        Metric { labels, ..self }
    }
}

/// Tells whoever reads metrics what these mean. What is counted begins at 0: the first time must be seen to be one more.
pub fn describe(metrics: &[Metric]) {
    for metric in metrics {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, metric.help),
        }
        match metric.kind {
            _ if !metric.labels.is_empty() => {}
            Kind::Counter => counter!(metric.name).increment(0),
            Kind::Histogram => drop(histogram!(metric.name)),
            Kind::Gauge => {}
        }
    }
}
