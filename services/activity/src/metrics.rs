//! What the service tells at `/metrics`.

use muster_kit::metrics::Metric;

/// What it tells beside what every process does.
pub const METRICS: &[Metric] = &[
    Metric::gauge(
        "activity_writer_queue_bytes",
        "Events that wait for the writer or are being written",
    ),
    Metric::gauge(
        "activity_writer_queue_limit_bytes",
        "What may wait; beyond it callers wait for a place",
    ),
    Metric::histogram(
        "activity_commit_duration_seconds",
        "From the begin to the sync of one commit, of a whole group of writes",
    ),
    Metric::counter(
        "activity_commit_failures_total",
        "Commits that failed: all of their group were refused",
    ),
    Metric::gauge(
        "activity_last_position",
        "The position of the newest event: its growth is the events stored",
    ),
    Metric::gauge("activity_tails", "Tails that are open"),
    Metric::gauge(
        "activity_tail_behind_positions",
        "How far the slowest tail is behind the newest event",
    ),
];
