//! Large requests are worked on aside, so that other calls need not wait for them.

use std::sync::Arc;
use std::thread;

use metrics::gauge;
use prost::bytes::Bytes;
use tokio::sync::Semaphore;

use super::admission::Room;
use super::calendar;
use crate::EVENTS_MAX;
use crate::error::Error;

/// The work that is done at once.
#[derive(Debug, Clone)]
pub(super) struct Workers {
    /// One for each core: more at once would not be done sooner.
    cores: Arc<Semaphore>,
    most: usize,
    /// Decoded events: each is 120 bytes, twice, and 48 more, however few it is on the wire.
    events: Arc<Semaphore>,
}

impl Default for Workers {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
        Self {
            cores: Arc::new(Semaphore::new(cores)),
            most: cores,
            events: Arc::new(Semaphore::new(EVENTS_MAX)),
        }
    }
}

impl Workers {
    /// Answers a large request. The work goes on if the caller goes away; so it keeps its room.
    pub(super) async fn answer(&self, message: Bytes, room: Room) -> Result<Bytes, Error> {
        let (counted, kept) = (message.clone(), Arc::clone(&room));
        let events = self
            .aside(move || {
                let _kept = kept;
                calendar::count(&counted)
            })
            .await?;
        let places = u32::try_from(events).unwrap_or(u32::MAX);
        let places = Arc::clone(&self.events).acquire_many_owned(places).await;
        self.aside(move || {
            let _kept = (room, places);
            calendar::answer(message, events)
        })
        .await
    }

    /// Tells how many work, and how many events they hold.
    pub(super) fn tell(&self) {
        let taken = EVENTS_MAX.saturating_sub(self.events.available_permits());
        gauge!("conflicts_large_events").set(taken as f64);
        let busy = self.most.saturating_sub(self.cores.available_permits());
        gauge!("conflicts_workers").set(busy as f64);
        gauge!("conflicts_workers_limit").set(self.most as f64);
        gauge!("conflicts_large_events_limit").set(EVENTS_MAX as f64);
    }

    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let core = Arc::clone(&self.cores).acquire_owned().await;
        let working = tokio::task::spawn_blocking(move || {
            let _busy = core;
            work()
        });
        working.await?
    }
}
