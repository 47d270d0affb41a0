//! A large store: what it takes to start again after kill -9, and in memory.

use std::time::{Duration, Instant};

use muster_testkit::eventually;

use crate::activity::event::{Event, Shape};
use crate::activity::muster::{Muster, append, request};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::Sample;
use crate::scale::Scale;
use crate::table::thousands;

pub(super) const ABOUT: &str = "A large store: kill -9 while it writes, and memory";

const MOST_RESIDENT: f64 = 96.0 * 1024.0 * 1024.0;
/// How long a store may take to have written what it is killed behind.
const DEADLINE: Duration = Duration::from_secs(60);
/// Events of the load under which it is killed, and how many of them are stored by then.
const WRITTEN: u64 = 1_000_000;
const WRITTEN_BEFORE_KILL: u64 = 20_000;

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = scale.restarted();
    let mut muster = Muster::filled(count).await?;
    let after_fill = resident_after_list(&mut muster).await?;
    let mut starts = Vec::new();
    for round in 0..scale.rounds() {
        kill_while_writing(&mut muster, round).await?;
        starts.push(start_again(&mut muster).await.as_secs_f64());
    }
    let after_start = resident_after_list(&mut muster).await?;
    let figure = |what, unit, rounds, most| {
        let sample = Sample::of(rounds)?;
        let what = format!("{} events: {what}", thousands(count));
        Ok::<_, Failure>(Figure::new(what, unit, &sample).target(Target::AtMost(most)))
    };
    let memory = |what, resident| figure(what, Unit::Memory, vec![resident], MOST_RESIDENT);
    Ok(vec![
        figure("from start to SERVING", Unit::Time, starts, 0.3)?,
        memory(
            "resident after they were appended and all listed",
            after_fill,
        )?,
        memory("resident after a start and all listed", after_start)?,
    ])
}

/// Its resident memory in bytes, after a client has listed all events of all deployments.
async fn resident_after_list(muster: &mut Muster) -> Result<f64, Failure> {
    muster.reader().list(0).await?;
    Ok(muster.service.process().resident_bytes() as f64)
}

/// Kills it while a client appends, so that it dies with a write on its way.
async fn kill_while_writing(muster: &mut Muster, round: usize) -> Result<(), Failure> {
    let before = muster.stored().await?;
    let addr = muster.addr();
    let writing = tokio::spawn(async move {
        let batches = Shape::OneTopic.batches(WRITTEN, 256);
        let requests = batches.map(|batch| request(&in_topic(batch, round)));
        append(&addr, requests, 16).await
    });
    eventually(DEADLINE, || async {
        let stored = muster.stored().await.ok()?;
        (stored >= before + WRITTEN_BEFORE_KILL).then_some(())
    })
    .await;
    muster.service.process().sigkill();
    match writing.await? {
        Ok(()) => Err(Failure::new("all was written before the kill")),
        Err(_) => Ok(()),
    }
}

/// The same events in a topic of this round's own.
fn in_topic(mut batch: Vec<Event>, round: usize) -> Vec<Event> {
    for event in &mut batch {
        event.topic = format!("restart/{round}");
    }
    batch
}

/// Until `/readyz` says so; asked every 10 ms, so that is how much too long it may seem.
async fn start_again(muster: &mut Muster) -> Duration {
    let start = Instant::now();
    muster.service.restart().await;
    start.elapsed()
}
