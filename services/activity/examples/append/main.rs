//! Appends to a store what clients may append, and tells each acknowledgement: the load of the
//! power cuts (`tests/power_cut`), which record what this process does to its files.
//!
//! Usage: append FOLDER SEED SESSIONS STEPS BULK. The store is opened and closed once a session.
//! In each one several writers take so many steps at the same time; in the last one so many large
//! batches follow, and some more steps.

use std::cell::Cell;
use std::path::PathBuf;

use futures_util::future::try_join_all;
use muster_activity::store::Store;
use muster_kit::health::Health;
use muster_kit::store::SqliteUrl;
use muster_testkit::Dice;

use load::Writer;
use message::Message;
use told::Told;

mod load;
mod message;
mod told;

const WRITERS: usize = 3;

type Failure = Box<dyn std::error::Error>;

/// Numbers the events and the batches.
#[derive(Default)]
pub(crate) struct Numbers {
    events: Cell<u64>,
    batches: Cell<u64>,
}

impl Numbers {
    /// What the events of the next batch say.
    fn messages(&self, batch_events: usize) -> impl Iterator<Item = Message> {
        let (first, batch) = (self.events.get() + 1, self.batches.get() + 1);
        self.events.set(self.events.get() + batch_events as u64);
        self.batches.set(batch);
        let batch_events = batch_events as u64;
        (first..first + batch_events).map(move |number| Message {
            number,
            batch,
            batch_events,
        })
    }
}

/// What is to be done.
struct Plan {
    url: SqliteUrl,
    seed: u64,
    sessions: usize,
    steps: usize,
    bulk: usize,
}

fn main() -> Result<(), Failure> {
    let plan =
        plan(std::env::args().skip(1)).ok_or("usage: append FOLDER SEED SESSIONS STEPS BULK")?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(run(plan))
}

fn plan(mut args: impl Iterator<Item = String>) -> Option<Plan> {
    Some(Plan {
        url: SqliteUrl(PathBuf::from(args.next()?).join("activity.db")),
        seed: args.next()?.parse().ok()?,
        sessions: args.next()?.parse().ok()?,
        steps: args.next()?.parse().ok()?,
        bulk: args.next()?.parse().ok()?,
    })
}

async fn run(plan: Plan) -> Result<(), Failure> {
    let mut dice = Dice::new(plan.seed);
    let writer = |name| Writer::new(name, Dice::new(dice.number()));
    let mut writers: Vec<Writer> = (0..WRITERS).map(writer).collect();
    let numbers = Numbers::default();
    for session in 1..=plan.sessions {
        let store = open(&plan.url).await?;
        all_step(&mut writers, &store, &numbers, plan.steps).await?;
        if session == plan.sessions {
            for batch in 0..plan.bulk {
                writers[batch % WRITERS].bulk(&store, &numbers).await?;
            }
            all_step(&mut writers, &store, &numbers, plan.steps / 8).await?;
        }
        store.close().await;
    }
    Ok(())
}

async fn open(url: &SqliteUrl) -> Result<Store, Failure> {
    let store = Store::open(url, Health::default().need("store")).await?;
    let mut told = Told::default();
    told.opened(store.id());
    told.print()?;
    Ok(store)
}

/// All writers take so many steps, at the same time.
async fn all_step(
    writers: &mut [Writer],
    store: &Store,
    numbers: &Numbers,
    steps: usize,
) -> Result<(), Failure> {
    let all = writers.iter_mut().map(|writer| async move {
        for _ in 0..steps {
            writer.step(store, numbers).await?;
        }
        Ok::<_, Failure>(())
    });
    try_join_all(all).await?;
    Ok(())
}
