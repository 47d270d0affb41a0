//! Bodies of requests, and the work on them: both bounded.

use std::sync::Arc;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt;
use muster_kit::status;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tonic::Status;

/// The longest body that is taken.
pub const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// Bodies and answers up to this size are worked on at once, and count for none.
const SMALL_BYTES: usize = 64 * 1024;
/// What longer bodies may have together.
const ROOM_BYTES: usize = 64 * 1024 * 1024;

/// What all requests share.
#[derive(Debug, Clone)]
pub(super) struct Room {
    bytes: Arc<Semaphore>,
    /// A large answer grows thirtyfold while it is turned into JSON: one at a time.
    turn: Arc<Semaphore>,
}

/// A body, and the room that it takes.
pub(super) struct Received {
    pub(super) bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(ROOM_BYTES)),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Room {
    /// Takes a body in.
    ///
    /// # Errors
    /// RESOURCE_EXHAUSTED: it is too long, or too much is being taken in just now. CANCELLED: its sender broke off.
    pub(super) async fn receive(&self, mut body: Body) -> Result<Received, Status> {
        let (mut bytes, mut room) = (BytesMut::new(), None);
        if body.size_hint().lower() > MAX_BODY_BYTES as u64 {
            return Err(too_long());
        }
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Status::cancelled("body: it broke off"))?;
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > MAX_BODY_BYTES {
                return Err(too_long());
            }
            if bytes.len() + data.len() > SMALL_BYTES {
                self.grow(&mut room, data.len())?;
            }
            bytes.extend_from_slice(&data);
        }
        Ok(Received {
            bytes: bytes.freeze(),
            _room: room,
        })
    }

    fn grow(&self, room: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Status> {
        let full = || status::exhausted("too many long requests at once: try again later");
        let bytes = u32::try_from(bytes).map_err(|_| full())?;
        let more = Arc::clone(&self.bytes).try_acquire_many_owned(bytes);
        let more = more.map_err(|_| full())?;
        match room {
            Some(room) => room.merge(more),
            None => *room = Some(more),
        }
        Ok(())
    }

    /// Does what takes time with so many bytes, where it holds up nothing else.
    ///
    /// # Errors
    /// What `work` says.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> Result<T, Status> + Send + 'static,
    ) -> Result<T, Status> {
        if bytes <= SMALL_BYTES {
            return work();
        }
        let turn = Arc::clone(&self.turn).acquire_owned().await;
        let turn = turn.map_err(|error| status::internal(&error))?;
        let worked = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        worked.await.map_err(|error| status::internal(&error))?
    }
}

fn too_long() -> Status {
    status::exhausted(format!("body: longer than {MAX_BODY_BYTES} bytes"))
}
