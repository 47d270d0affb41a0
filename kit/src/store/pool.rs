//! What the connections to a store are doing.

use metrics::gauge;

/// Tells of the connections of a store for one purpose: `read`, or `all`.
pub fn tell_connections(store: &str, purpose: &'static str, busy: usize, limit: usize) {
    let labels = [("store", store.to_owned()), ("for", purpose.to_owned())];
    gauge!("store_connections_busy", &labels).set(busy as f64);
    gauge!("store_connections_limit", &labels).set(limit as f64);
}

/// Tells of work that waits for a store.
pub fn tell_waiting(store: &str, waiting: usize, limit: usize) {
    gauge!("store_waiting", "store" => store.to_owned()).set(waiting as f64);
    gauge!("store_waiting_limit", "store" => store.to_owned()).set(limit as f64);
}
