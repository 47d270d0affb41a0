//! Spans that wait for the collector, up to a limit.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::counter;
use tokio::sync::Notify;
use tokio::time::timeout;

use super::batch::{Batch, Growing};

/// Spans that wait. Nobody waits to put one in.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    /// Spans that may wait.
    most: usize,
    /// Spans of a whole batch.
    batch: usize,
    /// Told when there is a whole batch.
    has_batch: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Whole batches, oldest first, and what was given back.
    whole: VecDeque<Batch>,
    last: Growing,
    /// Spans in all of them.
    count: usize,
}

impl Queue {
    /// Of `most` spans, taken in batches of up to `batch`.
    pub(super) fn new(most: usize, batch: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            most,
            batch: batch.min(most),
            has_batch: Notify::new(),
        }
    }

    /// Adds a span of a service, or counts it as dropped where there is no room.
    pub(super) fn push(&self, service: &'static str, span: &[u8]) {
        let mut waiting = self.lock();
        if waiting.count >= self.most {
            drop(waiting);
            count_dropped("queue_full", 1);
            return;
        }
        waiting.count += 1;
        waiting.last.push(service, span);
        if waiting.last.is_enough(self.batch) {
            let whole = waiting.last.take();
            waiting.whole.push_back(whole);
            drop(waiting);
            self.has_batch.notify_one();
        }
    }

    /// A batch as soon as there is a whole one; after `delay` whatever there is, oldest first.
    pub(super) async fn next(&self, delay: Duration) -> Batch {
        if self.lock().whole.is_empty() {
            let _or_later = timeout(delay, self.has_batch.notified()).await;
        }
        self.take()
    }

    /// The oldest batch there is, whole or not; an empty one if there is none.
    pub(super) fn take(&self) -> Batch {
        let mut waiting = self.lock();
        let oldest = waiting.whole.pop_front();
        let batch = oldest.unwrap_or_else(|| waiting.last.take());
        waiting.count -= batch.spans;
        batch
    }

    /// Takes a batch back, as the next one.
    pub(super) fn give_back(&self, batch: Batch) {
        if batch.spans > 0 {
            let mut waiting = self.lock();
            waiting.count += batch.spans;
            waiting.whole.push_front(batch);
        }
    }

    /// How many spans wait.
    pub(super) fn len(&self) -> usize {
        self.lock().count
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts spans that no collector will see.
pub(super) fn count_dropped(why: &'static str, count: usize) {
    counter!("trace_spans_dropped_total", "why" => why).increment(count as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(queue: &Queue, numbers: impl IntoIterator<Item = u8>) {
        for number in numbers {
            queue.push("x", &[number]);
        }
    }

    /// The spans of a batch, each of which is one byte.
    fn numbers(batch: &Batch) -> Vec<u8> {
        let of_service = |(_, bytes): &(_, bytes::Bytes)| {
            // Behind all else, each with a key and its length.
            let spans = &bytes[bytes.len() - 3 * batch.spans..];
            spans.chunks(3).map(|span| span[2]).collect::<Vec<_>>()
        };
        batch.services.iter().flat_map(of_service).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_batch_is_taken_at_once_and_a_part_of_one_after_a_while() {
        let queue = Queue::new(10, 2);
        let start = tokio::time::Instant::now();
        push(&queue, 1..=3);
        assert_eq!(numbers(&queue.next(Duration::from_secs(5)).await), [1, 2]);
        assert!(start.elapsed() < Duration::from_secs(1));
        // It was told of the batch that is gone.
        let rest = queue.next(Duration::from_secs(5)).await;
        let rest = if rest.spans == 0 { queue.take() } else { rest };
        assert_eq!(numbers(&rest), [3]);
        assert_eq!(queue.next(Duration::from_secs(5)).await.spans, 0);
        assert!(start.elapsed() >= Duration::from_secs(5));
    }

    #[test]
    fn a_batch_that_is_given_back_is_the_next_one() {
        let queue = Queue::new(10, 2);
        push(&queue, 1..=3);
        queue.give_back(queue.take());
        assert_eq!(queue.len(), 3);
        assert_eq!(numbers(&queue.take()), [1, 2]);
        assert_eq!(numbers(&queue.take()), [3]);
        assert_eq!((queue.take().spans, queue.len()), (0, 0));
    }

    #[test]
    fn where_there_is_no_room_the_newest_are_dropped() {
        let queue = Queue::new(3, 2);
        push(&queue, 1..=9);
        assert_eq!(numbers(&queue.take()), [1, 2]);
        assert_eq!((numbers(&queue.take()), queue.len()), (vec![3], 0));
    }
}
