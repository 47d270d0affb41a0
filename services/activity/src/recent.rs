//! The newest events in memory: a hundred tails that are live read the disk once, not a hundred
//! times, and the writer has no part in it.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::error::Error;
use crate::event::Event;
use crate::selection::Selection;
use crate::store::{Store, Window};

/// So many events are kept; a tail that is farther behind reads the disk by itself.
const KEPT_EVENTS: usize = 4_096;
/// So many bytes of events are kept.
const KEPT_BYTES: usize = 8 * 1024 * 1024;
/// The most events and bytes that a tail takes at once.
const TAKEN_EVENTS: usize = 512;
const TAKEN_BYTES: usize = 128 * 1024;

/// Some of the selected events, and the last position that was looked at for them.
type Taken = (Vec<Arc<Event>>, i64);

/// The newest events of a store.
#[derive(Debug)]
pub struct Recent {
    store: Store,
    all: Arc<Selection>,
    kept: Mutex<Kept>,
}

/// All events behind one position up to another one.
#[derive(Debug, Default)]
struct Kept {
    after: i64,
    end: i64,
    events: VecDeque<Arc<Event>>,
    bytes: usize,
}

impl Recent {
    /// Of this store; nothing is read before somebody asks.
    pub fn new(store: Store) -> Recent {
        Recent {
            store,
            all: Arc::new(Selection::prefix("")),
            kept: Mutex::default(),
        }
    }

    /// Some of the selected events behind `after`, of those up to `end`; `None` for a reader
    /// that is too far behind.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn read(
        &self,
        selection: &Selection,
        after: i64,
        end: i64,
    ) -> Result<Option<Taken>, Error> {
        let mut kept = self.kept.lock().await;
        if kept.end < end {
            kept.forget_if_passed(after);
            if after < kept.after {
                return Ok(None);
            }
            // Others wait for this lock meanwhile, and find it there.
            let window = Window::forwards(kept.end, end);
            let page = self.store.page(&self.all, window).await?;
            kept.add(page.events, page.next.unwrap_or(end));
        }
        Ok((after >= kept.after).then(|| kept.take(selection, after)))
    }
}

impl Kept {
    /// Begins anew at a reader's place when it is so far ahead that what lies between would have
    /// to be read for nobody.
    fn forget_if_passed(&mut self, after: i64) {
        if after - self.end > TAKEN_EVENTS as i64 {
            *self = Kept {
                after,
                end: after,
                ..Kept::default()
            };
        }
    }

    fn add(&mut self, events: Vec<Event>, end: i64) {
        self.bytes += events.iter().map(Event::bytes).sum::<usize>();
        self.events.extend(events.into_iter().map(Arc::new));
        self.end = end;
        while self.events.len() > KEPT_EVENTS || self.bytes > KEPT_BYTES {
            let Some(oldest) = self.events.pop_front() else {
                break;
            };
            self.bytes -= oldest.bytes();
            self.after = oldest.position;
        }
    }

    fn take(&self, selection: &Selection, after: i64) -> Taken {
        let first = self.events.partition_point(|event| event.position <= after);
        let (mut taken, mut bytes) = (Vec::new(), 0);
        for event in self.events.range(first..) {
            if taken.len() >= TAKEN_EVENTS || bytes >= TAKEN_BYTES {
                return (taken, event.position - 1);
            }
            if selection.has_event(event) {
                bytes += event.bytes();
                taken.push(Arc::clone(event));
            }
        }
        // A reader may be a little ahead of what is kept.
        (taken, self.end.max(after))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::event::NewEvent;

    fn event(position: i64, bytes: usize) -> Event {
        let message = "x".repeat(bytes);
        NewEvent::of_deployment(1, 1, message, 0, 0)
            .unwrap()
            .stored(position, "1".into())
    }

    fn positions(taken: &Taken) -> Vec<i64> {
        taken.0.iter().map(|event| event.position).collect()
    }

    #[test]
    fn the_oldest_give_way_and_the_rest_is_taken_from_any_place() {
        let mut kept = Kept::default();
        let count = KEPT_EVENTS as i64 + 10;
        kept.add(
            (1..=count).map(|position| event(position, 1)).collect(),
            count,
        );
        assert_eq!((kept.after, kept.end), (10, count));
        let all = Selection::prefix("");
        assert_eq!(positions(&kept.take(&all, count - 2)), [count - 1, count]);
        assert_eq!(kept.take(&all, count), (vec![], count));
        assert_eq!(kept.take(&Selection::topic("user/1"), 10), (vec![], count));
        let first = kept.take(&all, 10);
        assert_eq!(first.1, 10 + TAKEN_EVENTS as i64);
        assert_eq!(positions(&kept.take(&all, first.1))[0], first.1 + 1);
    }

    #[test]
    fn bytes_are_bounded_in_memory_and_in_what_is_taken() {
        let mut kept = Kept::default();
        kept.add(
            (1..=200).map(|position| event(position, 60_000)).collect(),
            200,
        );
        assert!(kept.bytes <= KEPT_BYTES && kept.after > 0, "{}", kept.bytes);
        let taken = kept.take(&Selection::prefix(""), 190);
        assert_eq!((positions(&taken), taken.1), (vec![191, 192, 193], 193));
    }

    #[test]
    fn a_reader_that_is_a_little_ahead_is_not_sent_back() {
        let mut kept = Kept::default();
        kept.add(vec![event(1, 1)], 1);
        kept.forget_if_passed(100);
        assert_eq!(kept.take(&Selection::prefix(""), 100), (vec![], 100));
        assert_eq!((kept.after, kept.end), (0, 1));
    }

    #[test]
    fn a_reader_that_is_far_ahead_is_where_it_begins_anew() {
        let mut kept = Kept::default();
        kept.add(vec![event(1, 1)], 1);
        kept.forget_if_passed(999_999);
        assert_eq!((kept.after, kept.end), (999_999, 999_999));
        assert!(kept.events.is_empty() && kept.bytes == 0);
    }
}
