//! What the service tells at `/metrics`.

use muster_kit::metrics::Metric;

/// What it tells beside what every process does.
pub const METRICS: &[Metric] = &[
    Metric::gauge(
        "tasks_outbox_waiting",
        "Completed tasks that the bus does not know of yet",
    ),
    Metric::gauge(
        "tasks_outbox_limit",
        "Completed tasks that may wait; beyond it none can be completed",
    ),
    Metric::gauge(
        "tasks_outbox_oldest_age_seconds",
        "Since when the oldest of them waits; 0 where none does, or there is no bus",
    ),
    Metric::gauge(
        "tasks_relay_leads",
        "1 in the one process that empties the outbox of a database, 0 in others",
    ),
    Metric::counter(
        "tasks_relayed_total",
        "Completed tasks of which the bus has taken both messages",
    ),
    Metric::counter(
        "tasks_relay_failures_total",
        "Attempts to empty the outbox that the bus or the store held up",
    ),
];
