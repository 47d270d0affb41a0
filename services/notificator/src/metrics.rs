//! What the service tells at `/metrics`.

use std::convert::Infallible;
use std::time::Duration;

use metrics::gauge;
use muster_kit::Shutdown;
use muster_kit::clock::now_ns;
use muster_kit::metrics::Metric;
use tokio::time::sleep;

use crate::store::{Backlog, MOST_WAITING, Store};

/// What it tells beside what every process does.
pub const METRICS: &[Metric] = &[
    Metric::gauge(
        "notificator_mails_waiting",
        "Mails that are stored and not delivered: new ones, and those that were tried before",
    )
    .by(&["state"]),
    Metric::gauge(
        "notificator_mails_waiting_limit",
        "Mails that may wait; beyond it none is taken",
    ),
    Metric::gauge(
        "notificator_mails_oldest_age_seconds",
        "Since when the oldest of them waits; 0 where none does",
    ),
    Metric::gauge("notificator_deliveries", "Deliveries that are under way"),
    Metric::gauge("notificator_deliveries_limit", "Deliveries at once"),
    Metric::counter("notificator_mails_stored_total", "Mails that were taken"),
    Metric::counter(
        "notificator_mails_delivered_total",
        "Mails that were delivered",
    ),
    Metric::counter(
        "notificator_mails_failed_total",
        "Mails that the mail server refused for good, or that were given up",
    ),
    Metric::counter(
        "notificator_delivery_retries_total",
        "Attempts after which a mail is to be tried again",
    ),
];

/// How often the mails that wait are looked at: at most as many as may wait are counted.
const ROUND: Duration = Duration::from_secs(5);

/// Tells how many mails wait, until the shutdown.
pub async fn keep(store: Store, shutdown: &Shutdown) {
    gauge!("notificator_mails_waiting_limit").set(MOST_WAITING as f64);
    shutdown.run_until_cancelled(rounds(&store)).await;
}

async fn rounds(store: &Store) -> Infallible {
    loop {
        match store.backlog().await {
            Ok(backlog) => tell(backlog),
            Err(error) => tracing::debug!(%error, "nobody knows how many mails wait"),
        }
        sleep(ROUND).await;
    }
}

fn tell(backlog: Backlog) {
    let waiting = |state| gauge!("notificator_mails_waiting", "state" => state);
    waiting("new").set(backlog.new as f64);
    waiting("retried").set(backlog.retried as f64);
    let age_ns = backlog
        .oldest_ns
        .map_or(0, |oldest_ns| now_ns() - oldest_ns);
    gauge!("notificator_mails_oldest_age_seconds").set(age_ns.max(0) as f64 / 1e9);
}
