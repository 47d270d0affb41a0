//! Spans that wait for the collector, up to a limit.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use metrics::counter;
use tokio::sync::Notify;
use tokio::time::timeout;

/// A span that has ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Who recorded it.
    pub(super) service: &'static str,
    /// As the collector gets it.
    pub(super) bytes: Bytes,
}

/// Spans that wait. Nobody waits to put one in.
#[derive(Debug)]
pub(super) struct Queue {
    spans: Mutex<Vec<Ended>>,
    most: usize,
    batch: usize,
    /// Told when there is a whole batch.
    has_batch: Notify,
}

impl Queue {
    /// Of `most` spans, taken in batches of up to `batch`.
    pub(super) fn new(most: usize, batch: usize) -> Self {
        Self {
            spans: Mutex::default(),
            most,
            batch: batch.min(most),
            has_batch: Notify::new(),
        }
    }

    /// Adds a span, or counts it as dropped where there is no room.
    pub(super) fn push(&self, span: Ended) {
        let mut spans = self.lock();
        if spans.len() >= self.most {
            drop(spans);
            count_dropped("queue_full", 1);
            return;
        }
        spans.push(span);
        let has_batch = spans.len() == self.batch;
        drop(spans);
        if has_batch {
            self.has_batch.notify_one();
        }
    }

    /// A batch as soon as there is a whole one; after `delay` whatever there is, oldest first.
    pub(super) async fn next(&self, delay: Duration) -> Vec<Ended> {
        if self.lock().len() < self.batch {
            let _or_later = timeout(delay, self.has_batch.notified()).await;
        }
        self.take()
    }

    /// What there is, up to a batch.
    pub(super) fn take(&self) -> Vec<Ended> {
        let mut spans = self.lock();
        let count = spans.len().min(self.batch);
        spans.drain(..count).collect()
    }

    /// Takes a batch back, as the next one.
    pub(super) fn give_back(&self, batch: Vec<Ended>) {
        self.lock().splice(..0, batch);
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Ended>> {
        self.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts spans that no collector will see.
pub(super) fn count_dropped(why: &'static str, count: usize) {
    counter!("trace_spans_dropped_total", "why" => why).increment(count as u64);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(number: u8) -> Ended {
        Ended {
            service: "x",
            bytes: vec![number].into(),
        }
    }

    fn numbers(spans: &[Ended]) -> Vec<u8> {
        spans.iter().map(|span| span.bytes[0]).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_whole_batch_is_taken_at_once_and_a_part_of_one_after_a_while() {
        let queue = Queue::new(10, 2);
        let start = tokio::time::Instant::now();
        (1..=3).for_each(|number| queue.push(span(number)));
        assert_eq!(numbers(&queue.next(Duration::from_secs(5)).await), [1, 2]);
        assert!(start.elapsed() < Duration::from_secs(1));
        // It was told of the batch that is gone.
        let rest = queue.next(Duration::from_secs(5)).await;
        let rest = if rest.is_empty() { queue.take() } else { rest };
        assert_eq!(numbers(&rest), [3]);
        assert!(queue.next(Duration::from_secs(5)).await.is_empty());
        assert!(start.elapsed() >= Duration::from_secs(5));
    }

    #[test]
    fn a_batch_that_is_given_back_is_the_next_one() {
        let queue = Queue::new(10, 2);
        (1..=3).for_each(|number| queue.push(span(number)));
        queue.give_back(queue.take());
        assert_eq!(numbers(&queue.take()), [1, 2]);
        assert_eq!(numbers(&queue.take()), [3]);
    }

    #[test]
    fn where_there_is_no_room_the_newest_are_dropped() {
        let queue = Queue::new(3, 2);
        (1..=9).for_each(|number| queue.push(span(number)));
        assert_eq!(numbers(&queue.take()), [1, 2]);
        assert_eq!((numbers(&queue.take()), queue.len()), (vec![3], 0));
    }
}
