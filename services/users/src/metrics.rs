//! What the service tells at `/metrics`.

use std::convert::Infallible;
use std::time::Duration;

use metrics::gauge;
use muster_kit::Shutdown;
use muster_kit::clock::now_ns;
use muster_kit::metrics::Metric;
use tokio::time::sleep;

use crate::store::{MAX_WAITING, Store};

/// What it tells beside what every process does.
pub const METRICS: &[Metric] = &[
    Metric::gauge(
        "users_mails_waiting",
        "Welcome mails that no notificator has taken yet",
    ),
    Metric::gauge(
        "users_mails_waiting_limit",
        "Welcome mails that may wait; beyond it nobody can sign up",
    ),
    Metric::gauge(
        "users_mails_oldest_age_seconds",
        "Since when the oldest of them waits; 0 where none does",
    ),
    Metric::gauge("users_offers", "Welcome mails that are being offered"),
    Metric::gauge("users_offers_limit", "Offers at once"),
    Metric::counter(
        "users_mails_taken_total",
        "Welcome mails that a notificator has taken",
    ),
    Metric::counter(
        "users_mails_retries_total",
        "Offers after which a welcome mail is to be offered again",
    ),
    Metric::counter(
        "users_mails_refused_total",
        "Welcome mails that no notificator will ever take",
    ),
];

/// How often the oldest mail is looked at.
const ROUND: Duration = Duration::from_secs(5);

/// Tells how many mails wait and since when, until the shutdown.
pub async fn keep(store: Store, shutdown: &Shutdown) {
    gauge!("users_mails_waiting_limit").set(MAX_WAITING as f64);
    shutdown.run_until_cancelled(rounds(&store)).await;
}

async fn rounds(store: &Store) -> Infallible {
    loop {
        match store.oldest_ns().await {
            Ok(oldest_ns) => tell(store.waiting(), oldest_ns),
            Err(error) => tracing::debug!(%error, "nobody knows since when mails wait"),
        }
        sleep(ROUND).await;
    }
}

fn tell(waiting: usize, oldest_ns: Option<i64>) {
    gauge!("users_mails_waiting").set(waiting as f64);
    let age_ns = oldest_ns.map_or(0, |oldest_ns| now_ns() - oldest_ns);
    gauge!("users_mails_oldest_age_seconds").set(age_ns.max(0) as f64 / 1e9);
}
