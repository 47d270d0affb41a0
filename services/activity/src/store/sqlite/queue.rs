//! What waits for the writer.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use tokio::sync::{Semaphore, oneshot};

use super::append::Outcome;
use crate::error::Error;
use crate::event::NewEvent;
use crate::store::Appended;

/// The bytes of events that wait to be stored or are being stored: so much memory the queue
/// takes, and so much one group. Beyond, callers wait for a place.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// What an event takes in the queue beside its texts.
const APPEND_BYTES: usize = 256;

/// An event that waits to be stored, and who waits for it.
pub(super) struct Append {
    pub(super) event: NewEvent,
    pub(super) reply: oneshot::Sender<Result<Appended, Error>>,
    /// The places that it holds in the queue.
    pub(super) places: u32,
}

impl Append {
    /// With the place where its answer will be.
    pub(super) fn new(event: NewEvent) -> (Append, oneshot::Receiver<Result<Appended, Error>>) {
        let (reply, answer) = oneshot::channel();
        (
            Append {
                places: places(&event),
                event,
                reply,
            },
            answer,
        )
    }

    pub(super) fn refuse(self, error: Error) {
        let _ = self.reply.send(Err(error));
    }

    pub(super) fn answer(mut self, outcome: Outcome) {
        let answer = match outcome {
            Outcome::Stored { position, given_id } => {
                let id = given_id.or(self.event.id.take()).unwrap_or_default();
                Ok(Appended::Stored(self.event.stored(position, id)))
            }
            Outcome::AlreadyThere(original) => Ok(Appended::AlreadyThere(original)),
            Outcome::OtherContent => Err(Error::OtherContent),
            Outcome::NoIdLeft => Err(Error::NoIdLeft),
        };
        // Nobody waits any more when the caller has gone; the event stays.
        let _ = self.reply.send(answer);
    }
}

/// What the writer shares with those who wait for it.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// Free places in the queue; closed when the writer has ended.
    pub(super) places: Arc<Semaphore>,
    /// The newest position that is on disk.
    pub(super) last_position: Arc<AtomicI64>,
}

impl Default for Shared {
    fn default() -> Shared {
        Shared {
            places: Arc::new(Semaphore::new(QUEUE_BYTES)),
            last_position: Arc::new(AtomicI64::new(0)),
        }
    }
}

/// The places of an event in the queue, one per byte.
fn places(event: &NewEvent) -> u32 {
    let id_bytes = event.id.as_deref().map_or(0, str::len);
    let bytes = APPEND_BYTES + event.topic.len() + id_bytes + event.message.len();
    // More than all there are would wait for ever.
    bytes.min(QUEUE_BYTES) as u32
}
