//! A consumer that keeps what it got.

use std::collections::HashSet;
use std::future::{pending, ready};
use std::sync::{Arc, Mutex};

use muster_kit::Shutdown;
use muster_kit::bus::{Bus, Delivery, GATEWAY_QUEUE, Rejected};
use muster_testkit::eventually;
use tokio::task::JoinHandle;

use super::DEADLINE;

type Batches = Arc<Mutex<Vec<Vec<Delivery>>>>;

pub(crate) struct Reader {
    batches: Batches,
    shutdown: Shutdown,
    task: JoinHandle<()>,
}

impl Reader {
    /// One that takes batches of up to so many.
    pub(crate) fn start(bus: Bus, most: usize) -> Reader {
        Reader::that(bus, most, |_| ready(Vec::new()))
    }

    /// One that takes a batch and is never done with it.
    pub(crate) fn stuck(bus: Bus, most: usize) -> Reader {
        Reader::that(bus, most, |_| pending())
    }

    /// One that sets these aside.
    pub(crate) fn rejecting(bus: Bus, most: usize, bad: Vec<String>) -> Reader {
        Reader::that(bus, most, move |batch| {
            let is_bad = |index: &usize| bad.contains(&batch[*index].id);
            let rejected = (0..batch.len()).filter(is_bad).map(|index| Rejected {
                index,
                why: "a test says so".to_owned(),
            });
            ready(rejected.collect())
        })
    }

    fn that<F>(
        bus: Bus,
        most: usize,
        handle: impl Fn(Vec<Delivery>) -> F + Send + 'static,
    ) -> Reader
    where
        F: Future<Output = Vec<Rejected>> + Send + 'static,
    {
        let (batches, shutdown) = (Batches::default(), Shutdown::new());
        let (kept, stop) = (batches.clone(), shutdown.clone());
        let task = tokio::spawn(async move {
            let keep = move |batch: Vec<Delivery>| {
                kept.lock().unwrap().push(batch.clone());
                handle(batch)
            };
            bus.consume(&GATEWAY_QUEUE, most, &stop, keep).await;
        });
        Reader {
            batches,
            shutdown,
            task,
        }
    }

    /// Dies where it stands.
    pub(crate) async fn die(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Stops as a service does.
    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    pub(crate) fn batches(&self) -> Vec<Vec<Delivery>> {
        self.batches.lock().unwrap().clone()
    }

    pub(crate) fn deliveries(&self) -> Vec<Delivery> {
        self.batches().into_iter().flatten().collect()
    }

    /// All ids that came, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let deliveries = self.deliveries().into_iter();
        deliveries.map(|delivery| delivery.id).collect()
    }

    /// The ids that came, each where it came first.
    pub(crate) fn first_ids(&self) -> Vec<String> {
        let mut seen = HashSet::new();
        let mut ids = self.ids();
        ids.retain(|id| seen.insert(id.clone()));
        ids
    }

    /// Waits until so many different messages have come: their ids, each where it came first.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<String> {
        eventually(DEADLINE, || async {
            let ids = self.first_ids();
            (ids.len() >= count).then_some(ids)
        })
        .await
    }
}
