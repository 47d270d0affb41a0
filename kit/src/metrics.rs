//! Prometheus metrics of the process.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Histograms of durations end in this, as OpenTelemetry names seconds for Prometheus.
const DURATIONS: &str = "duration_seconds";

/// Upper bounds of the buckets of durations.
const BUCKETS_S: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// How often samples are folded into their buckets; they pile up in memory until then.
const UPKEEP: Duration = Duration::from_secs(2);

static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();

/// Installs the recorder of this process; again does nothing.
pub fn install() {
    let suffix = Matcher::Suffix(DURATIONS.to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(suffix, &BUCKETS_S);
    match builder.map(PrometheusBuilder::install_recorder) {
        Ok(Ok(handle)) => drop(HANDLE.set(handle)),
        Ok(Err(error)) => tracing::debug!(%error, "another metrics recorder is there"),
        Err(error) => tracing::error!(%error, "no metrics"),
    }
}

/// All metrics in Prometheus' text format.
pub fn render() -> String {
    HANDLE
        .get()
        .map(PrometheusHandle::render)
        .unwrap_or_default()
}

/// Folds samples into their buckets for as long as it is polled.
pub async fn upkeep() -> std::convert::Infallible {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        if let Some(handle) = HANDLE.get() {
            handle.run_upkeep();
        }
    }
}
