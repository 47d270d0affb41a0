//! What one port takes on.

use std::time::Duration;

/// Limits of one port. The defaults suit a service of short calls.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once; further ones wait to be accepted.
    pub connections: usize,
    /// Streams at once on one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// How long a handler may take to begin its answer where the caller names no deadline.
    pub head_timeout: Duration,
    /// How long a new connection may take to say which protocol it speaks.
    pub preface_timeout: Duration,
    /// Silence after which a peer is asked whether it still lives.
    pub keepalive_interval: Duration,
    /// How long it may take to answer that.
    pub keepalive_timeout: Duration,
    /// Age at which a connection gets a GOAWAY, give or take a tenth; its streams live on.
    pub connection_age: Duration,
    /// Bytes of the headers of one request.
    pub header_bytes: u32,
    /// Bytes that may be on their way in one stream before the handler has read them.
    pub stream_window_bytes: u32,
    /// The same for all streams of a connection.
    pub connection_window_bytes: u32,
    /// How fast one HTTP/2 connection may open streams, those included that it resets at once;
    /// one that is faster is not read for a while. `None`: as fast as it can.
    pub stream_rate: Option<StreamRate>,
    /// Bytes that are read of a connection before the streams that they opened are worked on, on
    /// few connections at a time. `None`: what has come, on all. A few hundred keep a burst of
    /// new streams from growing memory that stays, but cost short calls of large messages some
    /// time: for ports of streams.
    pub turn_bytes: Option<usize>,
    /// Streams that a peer may reset before their handler began, until the connection is ended;
    /// `None`: h2's own 20 (CVE-2023-44487).
    pub pending_reset_streams: Option<usize>,
    /// Frames for streams already forgotten, in the life of a connection, until it is ended;
    /// `None`: h2's own 1,024.
    pub local_error_resets: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            streams_per_connection: 256,
            head_timeout: Duration::from_secs(30),
            preface_timeout: Duration::from_secs(10),
            keepalive_interval: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            connection_age: Duration::from_secs(3600),
            header_bytes: 16 * 1024,
            stream_window_bytes: 1024 * 1024,
            connection_window_bytes: 4 * 1024 * 1024,
            stream_rate: None,
            turn_bytes: None,
            pending_reset_streams: None,
            local_error_resets: None,
        }
    }
}

/// How fast streams may be opened.
#[derive(Debug, Clone, Copy)]
pub struct StreamRate {
    /// In a second, on the average; one at least.
    pub per_s: u32,
    /// At once, by a connection that was slower before.
    pub burst: u32,
}
