//! The way of completed tasks from the outbox to the bus: one relay for each database, in order.
//!
//! A task leaves the outbox when the bus has confirmed both of its messages, the one for outsiders and the event. What
//! became of a message that was not confirmed is not known: it is sent again, under the same id.

use std::convert::Infallible;
use std::time::Duration;

use metrics::{counter, gauge};
use muster_kit::Shutdown;
use muster_kit::backoff::Backoff;
use muster_kit::bus::{Bus, Destination, Message, PublishError};
use muster_kit::clock::now_ns;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::SERVICE;
use crate::completion::{Completion, KIND};
use crate::error::Error;
use crate::store::{MAX_WAITING, Store};

/// The queue of outsiders.
const QUEUE: &str = "tasks_completed";
/// How long a message waits for an outsider.
const EXPIRES: Duration = Duration::from_secs(24 * 60 * 60);
/// Tasks that are sent at once; two messages each.
const BATCH: u32 = 256;
/// How often to look for what nobody told of: what a crash left, and what other processes completed.
const SWEEP: Duration = Duration::from_secs(1);
/// How long after the death of a relay another one follows.
const LEASE: Duration = Duration::from_secs(5);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);
/// How long a stop waits for the last messages.
const LAST_CALL: Duration = Duration::from_secs(2);

/// Sends what waits in the outbox of a store.
pub struct Relay {
    store: Store,
    bus: Bus,
    /// Who holds the lease: not two processes, nor one before and after its restart.
    id: Uuid,
    leads_until: Option<Instant>,
    is_held_up: bool,
}

/// Why something was not sent, this time.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error(transparent)]
    Store(#[from] Error),
    #[error(transparent)]
    Bus(#[from] PublishError),
    #[error("a message cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

impl Relay {
    /// From the outbox of `store` to `bus`.
    pub fn new(store: Store, bus: Bus) -> Relay {
        Relay {
            store,
            bus,
            id: Uuid::new_v4(),
            leads_until: None,
            is_held_up: false,
        }
    }

    /// Sends until `stop` fires, and then what is still to be sent, if the bus takes it at once. What is left waits for
    /// the next start.
    pub async fn run(mut self, stop: &Shutdown) {
        if self.bus.is_none() {
            tracing::warn!(
                "no --bus: completed tasks wait in the outbox, until it is full and no more can be completed"
            );
            stop.run_until_cancelled(self.count()).await;
            return;
        }
        let late = async {
            stop.cancelled().await;
            sleep(LAST_CALL).await;
        };
        tokio::select! {
            () = self.relay(stop) => {}
            () = late => tracing::warn!("completed tasks are left in the outbox for the next start"),
        }
        let _late = timeout(LAST_CALL, self.store.stop_leading(self.id)).await;
    }

    /// Tells how many wait and since when, for ever.
    async fn count(&self) -> Infallible {
        gauge!("tasks_relay_leads").set(0);
        loop {
            if let Err(why) = self.tell_waiting().await {
                tracing::debug!(%why, "nobody knows how many completed tasks wait");
            }
            sleep(SWEEP).await;
        }
    }

    async fn relay(&mut self, stop: &Shutdown) {
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        let mut was_stopped = false;
        while !was_stopped {
            // Before looking: what was completed before the stop is seen.
            was_stopped = stop.is_cancelled();
            let sent = self.send_all().await;
            self.tell(&sent);
            if sent.is_err() {
                counter!("tasks_relay_failures_total").increment(1);
            }
            match sent {
                Ok(()) => {
                    backoff.reset();
                    self.wait_for_more(stop).await;
                }
                Err(_) => drop(timeout(backoff.delay(), stop.cancelled()).await),
            }
        }
    }

    /// Tells the log when it begins to be held up and when it goes on.
    fn tell(&mut self, sent: &Result<(), Obstacle>) {
        match (self.is_held_up, sent) {
            (false, Err(why)) => tracing::warn!(%why, "completed tasks wait"),
            (true, Ok(())) => tracing::info!("completed tasks are sent again"),
            (false, Ok(())) | (true, Err(_)) => {}
        }
        self.is_held_up = sent.is_err();
    }

    /// Sends until nothing waits. What was sent is removed while the next is sent.
    async fn send_all(&mut self) -> Result<(), Obstacle> {
        let mut sent: Vec<Completion> = Vec::new();
        while self.leads().await? {
            let waiting = self.store.outbox(BATCH + sent.len() as u32).await?;
            let is_new = |one: &Completion| {
                let among_sent = sent.binary_search_by_key(&one.position, |sent| sent.position);
                among_sent.is_err()
            };
            let waiting: Vec<Completion> = waiting.into_iter().filter(is_new).collect();
            if waiting.is_empty() {
                break;
            }
            let (removed, now_sent) = tokio::join!(self.remove(&sent), self.send(&waiting));
            removed?;
            now_sent?;
            sent = waiting;
        }
        Ok(self.remove(&sent).await?)
    }

    async fn remove(&self, sent: &[Completion]) -> Result<(), Error> {
        match sent {
            [] => Ok(()),
            sent => self.store.remove(sent).await,
        }
    }

    async fn wait_for_more(&self, stop: &Shutdown) {
        tokio::select! {
            () = self.store.completed().notified() => {}
            () = sleep(SWEEP) => {}
            () = stop.cancelled() => {}
        }
    }

    async fn send(&self, waiting: &[Completion]) -> Result<(), Obstacle> {
        let mut messages = Vec::with_capacity(2 * waiting.len());
        for completion in waiting {
            messages.extend(both(completion)?);
        }
        self.bus.publish(messages).await?;
        waiting.iter().for_each(log_published);
        counter!("tasks_relayed_total").increment(waiting.len() as u64);
        Ok(())
    }

    /// Whether this is the one relay of the database; asked now and then alone.
    async fn leads(&mut self) -> Result<bool, Error> {
        let now = Instant::now();
        if self.leads_until.is_some_and(|until| now < until) {
            return Ok(true);
        }
        self.tell_waiting().await?;
        let leads = self.store.lead(self.id, LEASE).await?;
        gauge!("tasks_relay_leads").set(f64::from(u8::from(leads)));
        self.leads_until = leads.then(|| now + LEASE / 4);
        Ok(leads)
    }

    async fn tell_waiting(&self) -> Result<(), Error> {
        let waiting = self.store.waiting().await?;
        let since_ms = match self.bus.is_none() {
            // Nobody is late who has nobody to tell.
            true => None,
            false => self.oldest_ms().await?,
        };
        let age_ms = since_ms.map_or(0, |since_ms| now_ns() / 1_000_000 - since_ms);
        gauge!("tasks_outbox_waiting").set(waiting as f64);
        gauge!("tasks_outbox_oldest_age_seconds").set(age_ms.max(0) as f64 / 1e3);
        gauge!("tasks_outbox_limit").set(f64::from(MAX_WAITING));
        Ok(())
    }

    /// When the oldest of those that wait was completed.
    async fn oldest_ms(&self) -> Result<Option<i64>, Error> {
        let oldest = self.store.outbox(1).await?;
        Ok(oldest.first().and_then(|one| one.task.completed_at_ms))
    }
}

fn log_published(
    Completion {
        id, task, trace, ..
    }: &Completion,
) {
    let log =
        || tracing::info!(message_id = %id, task = task.id, "Message published to \"{QUEUE}\"");
    match trace {
        Some(trace) => trace.scope(SERVICE.name, log),
        None => log(),
    }
}

/// For outsiders, and for the suite.
fn both(completion: &Completion) -> Result<[Message; 2], serde_json::Error> {
    let id = completion.id.to_string();
    let plain = Message {
        id: id.clone(),
        to: Destination::Plain {
            queue: QUEUE,
            expires: EXPIRES,
        },
        body: completion.message()?,
        trace: completion.trace.clone(),
    };
    let event = Message {
        id,
        to: Destination::Event {
            kind: KIND.to_owned(),
        },
        body: completion.event()?.to_json(),
        trace: completion.trace.clone(),
    };
    Ok([plain, event])
}
