//! Changes at a steady rate, and how long each took to whoever is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval};

use crate::failure::Failure;

const TICK: Duration = Duration::from_millis(1);

/// When each of many users last changed.
#[derive(Clone)]
pub(crate) struct Changes {
    epoch: Instant,
    latest_ns: Arc<[AtomicU64]>,
}

impl Changes {
    pub(crate) fn of(users: usize) -> Changes {
        Changes {
            epoch: Instant::now(),
            latest_ns: (0..users).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Lets all users change in turn, `rounds` times, `per_s` of them each second. A user must be told of before the
    /// next round comes to them.
    pub(crate) async fn make(
        &self,
        rounds: usize,
        per_s: usize,
        mut change: impl AsyncFnMut(usize) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let users = self.latest_ns.len();
        let per_tick = (per_s as f64 * TICK.as_secs_f64()).ceil() as usize;
        let mut ticks = interval(TICK);
        // A tick that is missed is made up for: the rate stands.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for number in 0..rounds * users {
            if number % per_tick == 0 {
                ticks.tick().await;
            }
            let user = number % users;
            let now = self.epoch.elapsed().as_nanos() as u64;
            self.latest_ns[user].store(now, Ordering::Relaxed);
            change(user).await?;
        }
        Ok(())
    }

    /// How long ago a user changed, who was just told of.
    pub(crate) fn since(&self, user: usize) -> Duration {
        let latest = self.latest_ns[user].load(Ordering::Relaxed);
        self.epoch
            .elapsed()
            .saturating_sub(Duration::from_nanos(latest))
    }
}
