//! How many streams of a kind may be open.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;

/// Held by a stream while it is open.
pub(super) type Place = OwnedSemaphorePermit;

/// Places for streams.
#[derive(Debug)]
pub(super) struct Places {
    max: usize,
    what: &'static str,
    free: Arc<Semaphore>,
}

impl Places {
    /// So many, of what.
    pub(super) fn new(max: usize, what: &'static str) -> Self {
        let free = Arc::new(Semaphore::new(max));
        Self { max, what, free }
    }

    /// Takes one until it is dropped.
    pub(super) fn take(&self) -> Result<Place, Error> {
        let Self { max, what, .. } = *self;
        let place = Arc::clone(&self.free).try_acquire_owned();
        place.map_err(|_| Error::Full { max, what })
    }
}
