//! Following a topic live.

use std::time::Duration;

use crate::activity::muster::Muster;
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::{Sample, percentile};
use crate::scale::Scale;

mod publisher;
mod subscriber;

pub(super) const ABOUT: &str =
    "Tail: 100 subscribers, a connection each, follow 5,000 events a second";

const SUBSCRIBERS: usize = 100;
/// Each second.
const EVENTS: u64 = 5_000;

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let (mut medians, mut p99s, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.rounds() {
        let (mut delays, rate) = round(EVENTS * scale.followed_s()).await?;
        medians.push(percentile(&mut delays, 0.5).as_secs_f64());
        p99s.push(percentile(&mut delays, 0.99).as_secs_f64());
        rates.push(rate);
    }
    let figure = |what: &str, unit, rounds| {
        let sample = Sample::of(rounds)?;
        Ok::<_, Failure>(Figure::new(what, unit, &sample))
    };
    Ok(vec![
        figure("from acknowledgement to subscriber: p99", Unit::Time, p99s)?
            .target(Target::AtMost(5e-3)),
        figure(
            "from acknowledgement to subscriber: median",
            Unit::Time,
            medians,
        )?,
        // Slower than that, and the delays would say nothing.
        figure("events appended meanwhile", Unit::PerSecond, rates)?
            .target(Target::AtLeast(0.99 * EVENTS as f64)),
    ])
}

/// How long each event took to each subscriber after its publisher knew of it, and the rate of events.
async fn round(count: u64) -> Result<(Vec<Duration>, f64), Failure> {
    let muster = Muster::start().await;
    let mut subscribers = Vec::new();
    for _ in 0..SUBSCRIBERS {
        subscribers.push(subscriber::start(&muster.addr(), count).await?);
    }
    let acknowledged = publisher::publish(&muster.addr(), count, EVENTS).await?;
    let mut delays = Vec::new();
    for subscriber in subscribers {
        let received = subscriber.await??;
        // In the order of positions, both.
        let pairs = received.into_iter().zip(&acknowledged);
        // One that came to the subscriber first did not wait at all.
        delays.extend(pairs.map(|(received, acknowledged)| received.duration_since(*acknowledged)));
    }
    let took = match acknowledged.as_slice() {
        [first, .., last] => *last - *first,
        _ => Duration::ZERO,
    };
    Ok((delays, count as f64 / took.as_secs_f64()))
}
