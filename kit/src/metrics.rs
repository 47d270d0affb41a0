//! Prometheus metrics of the process.
//!
//! What there is lies in tables ([`Metric`]), one for each crate, so that every metric has a sentence that says what it
//! means. What is counted is counted where it happens; what can be looked at is looked at when somebody reads
//! ([`observe`]), and costs nothing otherwise.

mod metric;
mod own;
mod process;

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

pub use self::metric::{Kind, Metric, describe};
pub use self::own::METRICS;

/// Histograms are of durations and lags, in seconds.
const DURATIONS: &str = "_seconds";

/// Upper bounds of the buckets of durations.
const BUCKETS_S: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// How often samples are folded into their buckets; they pile up in memory until then.
const UPKEEP: Duration = Duration::from_secs(2);

static HANDLE: OnceLock<Installed> = OnceLock::new();

struct Installed {
    recorder: PrometheusHandle,
    observers: Mutex<Vec<Weak<Observer>>>,
    started_at_s: f64,
}

type Observer = dyn Fn() + Send + Sync;

/// Something that is looked at whenever metrics are read, until this is dropped.
#[must_use]
pub struct Observed(Arc<Observer>);

/// Installs the recorder of this process; again does nothing.
pub fn install() {
    let suffix = Matcher::Suffix(DURATIONS.to_owned());
    let builder = PrometheusBuilder::new().set_buckets_for_metric(suffix, &BUCKETS_S);
    match builder.map(PrometheusBuilder::install_recorder) {
        Ok(Ok(recorder)) => {
            let installed = Installed {
                recorder,
                observers: Mutex::default(),
                started_at_s: crate::clock::now_ns() as f64 / 1e9,
            };
            drop(HANDLE.set(installed));
            own::begin();
        }
        Ok(Err(error)) => tracing::debug!(%error, "another metrics recorder is there"),
        Err(error) => tracing::error!(%error, "no metrics"),
    }
}

/// Calls `tell`, which sets gauges, whenever metrics are read. It must not block.
pub fn observe(tell: impl Fn() + Send + Sync + 'static) -> Observed {
    let observed: Arc<Observer> = Arc::new(tell);
    if let Some(installed) = HANDLE.get() {
        let mut observers = lock(&installed.observers);
        observers.retain(|other| other.strong_count() > 0);
        observers.push(Arc::downgrade(&observed));
    }
    Observed(observed)
}

/// All metrics in Prometheus' text format.
pub fn render() -> String {
    let Some(installed) = HANDLE.get() else {
        return String::new();
    };
    // Not under the lock: what is looked at may be dropped meanwhile, and look at others.
    let observers = lock(&installed.observers).clone();
    for observer in observers.iter().filter_map(Weak::upgrade) {
        observer();
    }
    let mut text = installed.recorder.render();
    text.push_str(&process::render(installed.started_at_s));
    text
}

/// Folds samples into their buckets for as long as it is polled.
pub async fn upkeep() -> std::convert::Infallible {
    let mut tick = tokio::time::interval(UPKEEP);
    loop {
        tick.tick().await;
        if let Some(installed) = HANDLE.get() {
            installed.recorder.run_upkeep();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let _kept = &self.0;
        f.write_str("Observed")
    }
}
