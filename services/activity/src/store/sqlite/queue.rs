//! What waits for the writer.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use metrics::gauge;
use muster_kit::metrics::{Observed, observe};
use tokio::sync::{Semaphore, oneshot, watch};

use super::append::{Appender, Outcome};
use super::batch::{self, Fates};
use super::index::fresh::Fresh;
use super::retentions;
use crate::batch::{Batch, Fate};
use crate::error::Error;
use crate::event::{NewEvent, attributes_bytes};
use crate::retention::Retention;
use crate::store::Appended;
use crate::trim::Removal;

/// The bytes of events that wait to be stored or are being stored: so much memory the queue
/// takes, and so much one group. Beyond, callers wait for a place.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// What an event takes in the queue beside its texts.
const EVENT_BYTES: usize = 256;

/// Where somebody waits for an answer.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Where the answer comes.
pub(super) type Answer<T> = oneshot::Receiver<Result<T, Error>>;

/// What waits to be written.
pub(super) enum Write {
    One(Job<NewEvent, Outcome, Appended>),
    Batch(Job<Batch, Fates, Vec<Fate>>),
    Remove(Job<Vec<Removal>, u64, u64>),
    Retention(Job<SetRetention, Result<Vec<Retention>, Error>, ()>),
}

/// Something to be written, and who waits for it. What became of it is known before it is true:
/// it is told when the group is on disk.
pub(super) struct Job<W, O, T> {
    what: W,
    outcome: Option<O>,
    reply: Reply<T>,
}

/// A retention that is to be set or removed.
pub(super) struct SetRetention {
    prefix: String,
    max_age: Option<Duration>,
    /// Where all of them are told.
    told: watch::Sender<Arc<[Retention]>>,
}

impl<W, O, T> Job<W, O, T> {
    fn new(what: W, reply: Reply<T>) -> Job<W, O, T> {
        Job {
            what,
            outcome: None,
            reply,
        }
    }

    /// Nobody waits any more when the caller has gone; what was written stays.
    fn answer(self, told: impl FnOnce(W, O) -> Result<T, Error>) {
        let answer = match self.outcome {
            Some(outcome) => told(self.what, outcome),
            None => Err(Error::Lost),
        };
        drop(self.reply.send(answer));
    }

    fn refuse(self, error: Error) {
        drop(self.reply.send(Err(error)));
    }
}

impl Write {
    pub(super) fn one(event: NewEvent, reply: Reply<Appended>) -> Write {
        Write::One(Job::new(event, reply))
    }

    pub(super) fn batch(batch: Batch, reply: Reply<Vec<Fate>>) -> Write {
        Write::Batch(Job::new(batch, reply))
    }

    pub(super) fn remove(removals: Vec<Removal>, reply: Reply<u64>) -> Write {
        Write::Remove(Job::new(removals, reply))
    }

    /// Tells all retentions when this one is set.
    pub(super) fn retention(
        prefix: String,
        max_age: Option<Duration>,
        told: watch::Sender<Arc<[Retention]>>,
        reply: Reply<()>,
    ) -> Write {
        let set = SetRetention {
            prefix,
            max_age,
            told,
        };
        Write::Retention(Job::new(set, reply))
    }

    /// The places that it holds in the queue, one per byte.
    pub(super) fn places(&self) -> u32 {
        let bytes: usize = match self {
            Write::One(job) => bytes(&job.what),
            Write::Batch(job) => job.what.events().iter().map(bytes).sum(),
            Write::Remove(job) => EVENT_BYTES * job.what.len(),
            Write::Retention(_) => EVENT_BYTES,
        };
        // More than all there are would wait for ever.
        bytes.min(QUEUE_BYTES) as u32
    }

    /// Writes it as part of the group.
    pub(super) fn run(&mut self, appender: &mut Appender<'_>) -> rusqlite::Result<()> {
        match self {
            Write::One(job) => job.outcome = Some(appender.append(&job.what)?),
            Write::Batch(job) => job.outcome = Some(batch::append(appender, &job.what)?),
            Write::Remove(job) => job.outcome = Some(appender.remove(&job.what)?),
            Write::Retention(job) => {
                let SetRetention {
                    prefix, max_age, ..
                } = &job.what;
                job.outcome = Some(retentions::set(appender.connection(), prefix, *max_age)?);
            }
        }
        Ok(())
    }

    /// Tells what became of it, the group being on disk.
    pub(super) fn answer(self) {
        match self {
            Write::One(job) => job.answer(appended),
            Write::Batch(job) => job.answer(|_, fates| fates),
            Write::Remove(job) => job.answer(|_, count| Ok(count)),
            Write::Retention(job) => job.answer(|set, outcome| {
                set.told.send_replace(outcome?.into());
                Ok(())
            }),
        }
    }

    pub(super) fn refuse(self, error: Error) {
        match self {
            Write::One(job) => job.refuse(error),
            Write::Batch(job) => job.refuse(error),
            Write::Remove(job) => job.refuse(error),
            Write::Retention(job) => job.refuse(error),
        }
    }
}

fn appended(mut event: NewEvent, outcome: Outcome) -> Result<Appended, Error> {
    match outcome {
        Outcome::Stored { position, given_id } => {
            let id = given_id.or(event.id.take()).unwrap_or_default();
            Ok(Appended::Stored(event.stored(position, id)))
        }
        Outcome::AlreadyThere(original) => Ok(Appended::AlreadyThere(original)),
        Outcome::Removed { position } => {
            let id = event.id.take().unwrap_or_default();
            Ok(Appended::Removed(event.stored(position, id)))
        }
        Outcome::OtherContent { .. } => Err(Error::OtherContent),
        Outcome::NoIdLeft => Err(Error::NoIdLeft),
    }
}

/// What the writer shares with those who wait for it.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// Free places in the queue; closed when the writer has ended.
    pub(super) places: Arc<Semaphore>,
    /// The newest position that is on disk.
    pub(super) last_position: watch::Sender<i64>,
    /// Where the newest events of a topic lie.
    pub(super) fresh: Arc<Fresh>,
    /// No event behind this position was removed.
    pub(super) removed_to: Arc<AtomicI64>,
    /// How long events are kept, by prefix.
    pub(super) retentions: watch::Sender<Arc<[Retention]>>,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared {
            places: Arc::new(Semaphore::new(QUEUE_BYTES)),
            last_position: watch::Sender::new(0),
            fresh: Arc::default(),
            removed_to: Arc::default(),
            retentions: watch::Sender::default(),
        }
    }
}

impl Shared {
    /// Tells how full the queue is, and how much was stored, whenever metrics are read.
    pub(super) fn observe(&self) -> Observed {
        let (places, newest) = (Arc::clone(&self.places), self.last_position.subscribe());
        observe(move || {
            let taken = QUEUE_BYTES.saturating_sub(places.available_permits());
            gauge!("activity_writer_queue_bytes").set(taken as f64);
            gauge!("activity_writer_queue_limit_bytes").set(QUEUE_BYTES as f64);
            gauge!("activity_last_position").set(*newest.borrow() as f64);
        })
    }
}

fn bytes(event: &NewEvent) -> usize {
    let id_bytes = event.id.as_deref().map_or(0, str::len);
    let texts = event.topic.as_str().len() + id_bytes + event.kind.len() + event.message.len();
    EVENT_BYTES + texts + attributes_bytes(&event.attributes)
}
