//! How connections and the tasks of their streams take turns.
//!
//! hyper's task of a connection takes whatever has come, and spawns a task for each new stream.
//! Where many connections bring many streams at once, all would be under way before the first
//! is answered, each with its headers and buffers, and memory that has grown stays. So only a
//! few connections read at a time, each a little, and more once all that it has brought is
//! being worked on.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures_util::task::AtomicWaker;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::PollSemaphore;

/// Connections of a port that read at a time.
const READERS: usize = 8;
/// Turns are so many times as long while connections are few, whose memory does not matter.
const ALONE_TIMES: usize = 4;
/// What a connection may read until others have had their turn.
const ROUND_BYTES: usize = 64 * 1024;
/// Turns grow while no streams are opened, to this part of what has come since: an upload on one
/// stream is read as fast as if there were none.
const UPLOAD_PART: usize = 16;

/// The turns of all connections of a port; `None` where each reads whatever has come.
#[derive(Clone)]
pub(super) struct Turns(Option<Rule>);

#[derive(Clone)]
struct Rule {
    bytes: usize,
    readers: Arc<Semaphore>,
}

/// The turns of one connection.
#[derive(Clone)]
pub(super) struct Turn(Option<Arc<State>>);

struct State {
    bytes: usize,
    /// Calls that the runtime has not begun yet.
    waiting: AtomicUsize,
    connection: AtomicWaker,
    /// Used by the task of the connection alone.
    reading: Mutex<Reading>,
}

struct Reading {
    readers: Arc<Semaphore>,
    queue: PollSemaphore,
    place: Option<OwnedSemaphorePermit>,
    left_bytes: usize,
    left_of_round_bytes: usize,
    /// Read since a stream was opened.
    upload_bytes: usize,
    /// What the present poll of the connection came to.
    asked: bool,
    spent: bool,
}

impl Turns {
    /// Turns of so many bytes; `None`: no turns at all.
    pub(super) fn new(bytes: Option<usize>) -> Self {
        Self(bytes.map(|bytes| Rule {
            bytes: bytes.max(1),
            readers: Arc::new(Semaphore::new(READERS)),
        }))
    }

    /// For a new connection.
    pub(super) fn turn(&self) -> Turn {
        Turn(self.0.clone().map(|Rule { bytes, readers }| {
            Arc::new(State {
                bytes,
                waiting: AtomicUsize::new(0),
                connection: AtomicWaker::new(),
                reading: Mutex::new(Reading {
                    queue: PollSemaphore::new(Arc::clone(&readers)),
                    readers,
                    place: None,
                    left_bytes: 0,
                    left_of_round_bytes: 0,
                    upload_bytes: 0,
                    asked: false,
                    spent: false,
                }),
            })
        }))
    }
}

impl Turn {
    /// Drives a connection that reads in these turns. It is the task that begins and ends them:
    /// hyper reads anew behind each request that it takes, so the socket cannot tell them apart.
    pub(super) fn drive<C: Future>(
        &self,
        mut connection: Pin<&mut C>,
    ) -> impl Future<Output = C::Output> {
        poll_fn(move |cx| {
            let Some(state) = &self.0 else {
                return connection.as_mut().poll(cx);
            };
            state.begin();
            let polled = connection.as_mut().poll(cx);
            state.reading().end();
            polled
        })
    }

    /// Bytes that may be read now; pending until a turn where there are none.
    pub(super) fn poll_left_bytes(&self, cx: &mut Context<'_>) -> Poll<usize> {
        let Some(state) = &self.0 else {
            return Poll::Ready(usize::MAX);
        };
        let mut reading = state.reading();
        ready!(reading.poll_place(cx, state.bytes));
        if reading.left_bytes > 0 {
            return Poll::Ready(reading.left_bytes);
        }
        reading.spent = true;
        state.connection.register(cx.waker());
        if state.waiting.load(Ordering::Acquire) == 0 {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whether there is an end to a turn.
    pub(super) fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// So many bytes were read, and whether they opened streams.
    pub(super) fn take(&self, bytes: usize, opened: bool) {
        if let Some(state) = &self.0 {
            let mut reading = state.reading();
            reading.left_bytes = reading.left_bytes.saturating_sub(bytes);
            reading.left_of_round_bytes = reading.left_of_round_bytes.saturating_sub(bytes);
            reading.upload_bytes = match opened {
                true => 0,
                false => reading.upload_bytes.saturating_add(bytes),
            };
        }
    }

    /// A call that the connection has brought, until it is dropped: where its work begins.
    pub(super) fn brought(&self) -> Brought {
        let state = self.0.clone();
        if let Some(state) = &state {
            state.waiting.fetch_add(1, Ordering::Relaxed);
        }
        Brought(state)
    }
}

impl State {
    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The connection is polled: for a new turn, if all that it has brought has begun.
    fn begin(&self) {
        let mut reading = self.reading();
        (reading.asked, reading.spent) = (false, false);
        if self.waiting.load(Ordering::Acquire) == 0 {
            let is_alone = reading.readers.available_permits() > 0;
            let bytes = self.bytes * if is_alone { ALONE_TIMES } else { 1 };
            reading.left_bytes = bytes.max(reading.upload_bytes / UPLOAD_PART);
        }
    }
}

impl Reading {
    fn poll_place(&mut self, cx: &mut Context<'_>, bytes: usize) -> Poll<()> {
        self.asked = true;
        if self.place.is_none() {
            // Never closed.
            self.place = ready!(self.queue.poll_acquire(cx));
            self.left_bytes = bytes;
            self.left_of_round_bytes = ROUND_BYTES;
        }
        Poll::Ready(())
    }

    /// The poll is over. Only a connection that has more to read keeps its place: any other may
    /// never ask again, one whose peer takes no answers for instance.
    fn end(&mut self) {
        if !self.spent || self.left_of_round_bytes == 0 {
            self.place = None;
        }
        if !self.asked {
            // It may have been given a place meanwhile.
            self.queue = PollSemaphore::new(Arc::clone(&self.readers));
        }
    }
}

/// A call that nobody works on yet.
pub(super) struct Brought(Option<Arc<State>>);

impl Drop for Brought {
    fn drop(&mut self) {
        if let Some(state) = &self.0
            && state.waiting.fetch_sub(1, Ordering::AcqRel) == 1
        {
            state.connection.wake();
        }
    }
}
