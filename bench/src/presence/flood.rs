//! Streams that are opened and reset without end (Rapid Reset): how little that concerns others.

use std::time::{Duration, Instant};

use muster_testkit::Service;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::cycles::cancelled_at_once;
use super::raw;
use super::wire::{Method, Wire};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::{Sample, percentile};
use crate::scale::Scale;

const SLOWEST: f64 = 10e-3;
const DEADLINE: Duration = Duration::from_secs(10);
/// Changes a second of a user who is watched meanwhile.
const CHANGES: u32 = 200;

/// How long changes take to a monitor, at rest and beside a flood on another connection, and what the flood costs.
pub(super) async fn figures(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let mut service = Service::start("muster-presence", &[]).await;
    let addr = service.addr();
    let changes = CHANGES * scale.flooded_s() as u32;
    let quiet = delay(&addr, changes).await?;
    let (mut sending, mut receiving) = raw::connect(&addr).await?;
    let flooding = tokio::spawn(async move {
        let flood = cancelled_at_once(&mut sending, &mut receiving, u64::from(u32::MAX / 4));
        flood.await
    });
    let window = Duration::from_secs(scale.flooded_s());
    let (flooded, busy) = tokio::join!(delay(&addr, changes), service.process().busy_over(window));
    if flooding.is_finished() {
        return Err(Failure::new("the flood was ended"));
    }
    flooding.abort();
    let [quiet, flooded, busy] = [
        Sample::of(vec![quiet])?,
        Sample::of(vec![flooded?])?,
        Sample::of(vec![busy * 100.0])?,
    ];
    let told = "the same without end: a change elsewhere is told on another connection, p99";
    let told = Figure::new(told, Unit::Time, &flooded).beside("without a flood", &quiet);
    let busy_what = "… meanwhile the service takes of a core, in hundredths";
    Ok(vec![
        told.target(Target::AtMost(SLOWEST)),
        Figure::new(busy_what, Unit::Count, &busy),
    ])
}

/// How long a change takes from one connection to a monitor on another: 99 of 100 stay within it.
async fn delay(addr: &str, changes: u32) -> Result<f64, Failure> {
    let (mut devices, mut monitors) = (Wire::connect(addr).await?, Wire::connect(addr).await?);
    let mut monitor = monitors.open(Method::Monitor, "Berta").await?;
    monitor.online().await?;
    let mut ticks = interval(Duration::from_secs(1) / CHANGES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut device, mut delays) = (None, Vec::new());
    for _ in 0..changes {
        ticks.tick().await;
        let start = Instant::now();
        device = match device {
            None => Some(devices.call(Method::Connect, "Berta")?),
            Some(_) => None,
        };
        let online = timeout(DEADLINE, monitor.online()).await??;
        delays.push(start.elapsed());
        if online != device.is_some() {
            return Err(Failure::new("a monitor was told the contrary"));
        }
    }
    Ok(percentile(&mut delays, 0.99).as_secs_f64())
}
