//! What the live edge counts.

use metrics::{Counter, Gauge, counter, gauge};

/// Handles that are looked up once.
pub(super) struct Stats {
    pub(super) sockets: Gauge,
    pub(super) event_streams: Gauge,
    pub(super) subscriptions: Gauge,
    pub(super) frames_sent: Counter,
    refused: Counter,
}

impl Stats {
    /// Of a gateway that takes so many connections.
    pub(super) fn new(most: usize) -> Stats {
        gauge!("gateway_connections_limit").set(most as f64);
        // The one that means trouble must be seen to be one more.
        counter!("gateway_connections_closed_total", "why" => "too_slow").increment(0);
        Stats {
            sockets: gauge!("gateway_connections", "kind" => "websocket"),
            event_streams: gauge!("gateway_connections", "kind" => "event_stream"),
            subscriptions: gauge!("gateway_subscriptions"),
            frames_sent: counter!("gateway_frames_sent_total"),
            refused: counter!("gateway_connections_refused_total"),
        }
    }

    /// There was no place for a connection.
    pub(super) fn refused(&self) {
        self.refused.increment(1);
    }

    /// A connection is closed, by either side.
    pub(super) fn closed(&self, why: &'static str) {
        counter!("gateway_connections_closed_total", "why" => why).increment(1);
    }
}
