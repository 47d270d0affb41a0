//! What waits for the writer.

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot, watch};

use super::append::{Appender, Outcome};
use super::batch;
use super::index::fresh::Fresh;
use crate::batch::{Batch, Fate};
use crate::error::Error;
use crate::event::{NewEvent, attributes_bytes};
use crate::store::Appended;

/// The bytes of events that wait to be stored or are being stored: so much memory the queue
/// takes, and so much one group. Beyond, callers wait for a place.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// What an event takes in the queue beside its texts.
const EVENT_BYTES: usize = 256;

/// Where somebody waits for an answer.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Where the answer comes.
pub(super) type Answer<T> = oneshot::Receiver<Result<T, Error>>;

/// What waits to be stored, and who waits for it. What became of it is known before it is true:
/// it is told when the group is on disk.
pub(super) enum Append {
    One {
        event: NewEvent,
        outcome: Option<Outcome>,
        reply: Reply<Appended>,
    },
    Batch {
        batch: Batch,
        outcome: Option<Result<Vec<Fate>, Error>>,
        reply: Reply<Vec<Fate>>,
    },
}

impl Append {
    pub(super) fn one(event: NewEvent, reply: Reply<Appended>) -> Append {
        let outcome = None;
        Append::One {
            event,
            outcome,
            reply,
        }
    }

    pub(super) fn batch(batch: Batch, reply: Reply<Vec<Fate>>) -> Append {
        let outcome = None;
        Append::Batch {
            batch,
            outcome,
            reply,
        }
    }

    /// The places that it holds in the queue, one per byte.
    pub(super) fn places(&self) -> u32 {
        let bytes: usize = match self {
            Append::One { event, .. } => bytes(event),
            Append::Batch { batch, .. } => batch.events().iter().map(bytes).sum(),
        };
        // More than all there are would wait for ever.
        bytes.min(QUEUE_BYTES) as u32
    }

    /// Appends it to the group.
    pub(super) fn run(&mut self, appender: &mut Appender<'_>) -> rusqlite::Result<()> {
        match self {
            Append::One { event, outcome, .. } => *outcome = Some(appender.append(event)?),
            Append::Batch { batch, outcome, .. } => {
                *outcome = Some(batch::append(appender, batch)?)
            }
        }
        Ok(())
    }

    /// Tells what became of it, the group being on disk. Nobody waits any more when the caller
    /// has gone; the events stay.
    pub(super) fn answer(self) {
        match self {
            Append::One {
                event,
                outcome,
                reply,
            } => drop(reply.send(outcome.map_or(Err(Error::Lost), |of| appended(event, of)))),
            Append::Batch { outcome, reply, .. } => {
                drop(reply.send(outcome.unwrap_or(Err(Error::Lost))));
            }
        }
    }

    pub(super) fn refuse(self, error: Error) {
        match self {
            Append::One { reply, .. } => drop(reply.send(Err(error))),
            Append::Batch { reply, .. } => drop(reply.send(Err(error))),
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
}

impl Default for Shared {
    fn default() -> Shared {
        Shared {
            places: Arc::new(Semaphore::new(QUEUE_BYTES)),
            last_position: watch::Sender::new(0),
            fresh: Arc::default(),
        }
    }
}

fn bytes(event: &NewEvent) -> usize {
    let id_bytes = event.id.as_deref().map_or(0, str::len);
    let texts = event.topic.as_str().len() + id_bytes + event.kind.len() + event.message.len();
    EVENT_BYTES + texts + attributes_bytes(&event.attributes)
}
