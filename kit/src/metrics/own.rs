//! What every process tells.

use metrics::gauge;

use super::Metric;

/// What every process tells, as far as it has it.
pub const METRICS: &[Metric] = &[
    Metric::gauge("muster_build_info", "1, of the version that runs").by(&["version"]),
    Metric::histogram(
        "rpc_server_call_duration_seconds",
        "gRPC calls that have ended, from the head of the request to the end of the answer",
    )
    .by(&["service", "rpc_method", "rpc_response_status_code"]),
    Metric::histogram(
        "rpc_client_call_duration_seconds",
        "gRPC calls to other services that have ended, every attempt included",
    )
    .by(&["rpc_method", "rpc_response_status_code"]),
    Metric::histogram(
        "http_server_request_duration_seconds",
        "HTTP requests that have ended, from the head of the request to the end of the answer",
    )
    .by(&["service", "http_response_status_code"]),
    Metric::gauge("server_connections", "Connections that are open").by(&["service"]),
    Metric::gauge(
        "server_connections_limit",
        "Connections that may be open; further ones wait to be accepted",
    )
    .by(&["service"]),
    Metric::counter(
        "server_connections_held_back_total",
        "How often connections had to wait to be accepted, because as many were open as may be",
    )
    .by(&["service"]),
    Metric::counter(
        "server_accept_errors_total",
        "Connections that could not be accepted, for want of file descriptors mostly",
    )
    .by(&["service"]),
    Metric::counter(
        "server_handshake_errors_total",
        "Connections that ended in their TLS handshake",
    )
    .by(&["service"]),
    Metric::gauge(
        "server_calls",
        "Calls and requests that are under way, streams that are open among them",
    )
    .by(&["service"]),
    Metric::counter(
        "server_requests_refused_total",
        "Requests that reached no handler or got no answer of it: a foreign origin, or a deadline",
    )
    .by(&["service", "why"]),
    Metric::counter(
        "trace_spans_exported_total",
        "Spans that the collector of traces has taken",
    ),
    Metric::counter(
        "trace_spans_dropped_total",
        "Spans that no collector will see: no room to wait, not taken in time, or rejected",
    )
    .by(&["why"]),
    Metric::gauge(
        "trace_spans_waiting",
        "Spans that wait for the collector, when a batch was last taken of them",
    ),
    Metric::gauge(
        "discovery_registered",
        "1 while the service is in etcd, 0 while it is not: etcd is away, or the service is not ready",
    )
    .by(&["service"]),
    Metric::gauge(
        "discovery_endpoints",
        "Endpoints of a service that this process knows",
    )
    .by(&["peer"]),
    Metric::gauge(
        "bus_connected",
        "1 while the connection to the broker is up, 0 while it is not",
    )
    .by(&["role"]),
    Metric::counter(
        "bus_reconnects_total",
        "Connections to the broker that were lost or not to be had",
    )
    .by(&["role"]),
    Metric::counter(
        "bus_messages_published_total",
        "Messages that were given to the bus, those among them that are sent again",
    ),
    Metric::counter(
        "bus_messages_confirmed_total",
        "Messages that the bus has taken for good",
    ),
    Metric::counter(
        "bus_messages_redelivered_total",
        "Messages that came from the bus and may have come before",
    ),
    Metric::counter(
        "bus_messages_rejected_total",
        "Messages that can never succeed and were set aside among the dead letters",
    ),
    Metric::gauge(
        "store_size_bytes",
        "What the SQLite file and its log take on the disk",
    )
    .by(&["store"]),
    Metric::gauge(
        "store_disk_free_bytes",
        "Room on the disk that the store lies on",
    )
    .by(&["store"]),
    Metric::gauge(
        "store_disk_size_bytes",
        "Size of the disk that the store lies on",
    )
    .by(&["store"]),
    Metric::gauge(
        "store_connections_busy",
        "Connections to a store that are at work, or its readers",
    )
    .by(&["for", "store"]),
    Metric::gauge(
        "store_connections_limit",
        "Connections that there may be; beyond it work waits for one",
    )
    .by(&["for", "store"]),
    Metric::gauge(
        "store_waiting",
        "Writes that wait for a store; of a MariaDB all work that waits",
    )
    .by(&["store"]),
    Metric::gauge(
        "store_waiting_limit",
        "What may wait; beyond it work is refused",
    )
    .by(&["store"]),
    Metric::counter("process_cpu_seconds_total", "Time spent on cores"),
    Metric::gauge("process_resident_memory_bytes", "Memory that is in use"),
    Metric::gauge(
        "process_open_fds",
        "Open files, connections among them",
    ),
    Metric::gauge("process_max_fds", "Files that may be open"),
    Metric::gauge(
        "process_start_time_seconds",
        "When the process started, in seconds since the Unix epoch",
    ),
];

/// Describes them, and tells what does not change.
pub(super) fn begin() {
    let is_recorded = |metric: &&Metric| !super::process::tells(metric.name);
    let recorded: Vec<Metric> = METRICS.iter().filter(is_recorded).copied().collect();
    super::describe(&recorded);
    gauge!("muster_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1);
}
