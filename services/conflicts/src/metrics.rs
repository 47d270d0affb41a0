//! What the service tells at `/metrics`.

use muster_kit::metrics::Metric;

/// What it tells beside what every process does.
pub const METRICS: &[Metric] = &[
    Metric::counter("conflicts_events_total", "Events of the calendars answered"),
    Metric::counter(
        "conflicts_groups_total",
        "Groups of conflicts found in them",
    ),
    Metric::gauge(
        "conflicts_large_requests_bytes",
        "Large requests under way, from the first byte received to the last byte of the answer",
    ),
    Metric::gauge(
        "conflicts_large_requests_limit_bytes",
        "What may be under way; further ones wait to be received",
    ),
    Metric::gauge("conflicts_workers", "Threads that work on large requests"),
    Metric::gauge(
        "conflicts_workers_limit",
        "Threads that may; further requests wait",
    ),
    Metric::gauge(
        "conflicts_large_events",
        "Events of large requests that are being worked on",
    ),
    Metric::gauge(
        "conflicts_large_events_limit",
        "Events that may be worked on at once; further requests wait",
    ),
];
