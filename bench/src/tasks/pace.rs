//! Things done at a steady rate, and how long each took.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::failure::Failure;

/// Begins `per_s` things a second, whether or not those before have ended: when each began.
pub(crate) async fn steadily<F>(
    count: usize,
    per_s: u64,
    mut begin: impl FnMut(usize) -> F,
) -> Result<Vec<Instant>, Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let mut ticks = interval(Duration::from_secs(1) / per_s as u32);
    // A tick that is missed is made up for: the rate stands.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (mut begun, mut under_way) = (Vec::with_capacity(count), JoinSet::new());
    for number in 0..count {
        ticks.tick().await;
        begun.push(Instant::now());
        under_way.spawn(begin(number));
    }
    while let Some(ended) = under_way.join_next().await {
        ended??;
    }
    Ok(begun)
}

/// How many a second began.
pub(crate) fn rate(begun: &[Instant]) -> f64 {
    match begun {
        [first, .., last] => (begun.len() - 1) as f64 / (*last - *first).as_secs_f64(),
        _ => 0.0,
    }
}
