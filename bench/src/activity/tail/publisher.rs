//! Appending events one by one, at a steady rate.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::Sender;
use tokio::time::{MissedTickBehavior, interval};

use crate::activity::event::Shape;
use crate::activity::muster::{open, request};
use crate::failure::Failure;

/// Requests that wait for their acknowledgement at most.
const WINDOW: usize = 1_024;
const TICK: Duration = Duration::from_millis(1);

/// Appends `count` events, `rate` of them each second, each in a request of its own: when each was acknowledged.
pub(super) async fn publish(addr: &str, count: u64, rate: u64) -> Result<Vec<Instant>, Failure> {
    let (queue, mut answers) = open(addr, WINDOW).await?;
    let requests = Shape::OneTopic
        .batches(count, 1)
        .map(|event| request(&event));
    let sending = tokio::spawn(send(queue, requests.collect(), rate));
    let mut acknowledged = Vec::with_capacity(count as usize);
    while answers.message().await?.is_some() {
        acknowledged.push(Instant::now());
    }
    sending.await??;
    Failure::unless_all(acknowledged.len() as u64, count)?;
    Ok(acknowledged)
}

async fn send(queue: Sender<Bytes>, requests: Vec<Bytes>, rate: u64) -> Result<(), Failure> {
    let per_tick = (rate as f64 * TICK.as_secs_f64()).ceil() as usize;
    let mut ticks = interval(TICK);
    // A tick that is missed is made up for: the rate stands.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut requests = requests.into_iter();
    while requests.len() > 0 {
        ticks.tick().await;
        for request in requests.by_ref().take(per_tick) {
            queue.send(request).await?;
        }
    }
    Ok(())
}
