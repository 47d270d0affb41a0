//! What the service tells at `/metrics`.

use muster_kit::metrics::Metric;

/// What it tells beside what every process does.
pub const METRICS: &[Metric] = &[
    Metric::gauge(
        "gateway_connections",
        "WebSockets and event streams that are open",
    )
    .by(&["kind"]),
    Metric::gauge(
        "gateway_connections_limit",
        "Connections that may be open, of both kinds together",
    ),
    Metric::counter(
        "gateway_connections_refused_total",
        "Connections that found no place: in all, or for their address",
    ),
    Metric::counter(
        "gateway_connections_closed_total",
        "Connections that have ended, by the reason: too_slow is 1013, to those who do not read",
    )
    .by(&["why"]),
    Metric::gauge("gateway_subscriptions", "Subscriptions of all connections"),
    Metric::counter(
        "gateway_frames_sent_total",
        "Frames and events that were sent",
    ),
    Metric::gauge(
        "gateway_mailboxes_bytes",
        "What waits to be written to connections, of all of them together",
    ),
    Metric::gauge(
        "gateway_mailboxes_limit_bytes",
        "What may wait; beyond it those with much are closed as too slow",
    ),
    Metric::gauge(
        "gateway_feeds",
        "Tails of the activity service, that of the users included",
    ),
    Metric::gauge("gateway_feeds_limit", "Tails that there may be"),
    Metric::counter(
        "gateway_tails_ended_total",
        "Tails that ended and were begun anew",
    ),
    Metric::histogram(
        "gateway_feed_lag_seconds",
        "From an event's receipt by the activity service to the feed of the gateway",
    ),
    Metric::histogram(
        "gateway_intake_lag_seconds",
        "From what happened to its storing in the activity service: outbox, bus and intake",
    ),
    Metric::gauge(
        "gateway_intake_messages",
        "Messages of the bus that are being stored",
    ),
    Metric::counter(
        "gateway_intake_stored_total",
        "Messages of the bus that were stored",
    ),
    Metric::counter(
        "gateway_intake_retries_total",
        "Calls of the intake that the activity service did not answer, and that are made again",
    ),
    Metric::counter(
        "gateway_catch_ups_total",
        "Subscriptions that were told what they missed, from the memory or from the store",
    )
    .by(&["from"]),
    Metric::counter(
        "gateway_store_reads_total",
        "Pages that were read from the activity service for those who catch up",
    ),
];
