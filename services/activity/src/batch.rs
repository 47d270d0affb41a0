//! Batches: events that are appended together.

use crate::error::BadField;
use crate::event::NewEvent;

/// The most events of a batch.
pub const BATCH_LIMIT_EVENTS: usize = 1_000;

/// Events on their way into the store, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    events: Vec<NewEvent>,
    expected_last: Option<i64>,
}

/// What became of one event of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is new, at this position.
    Stored(i64),
    /// An equal one was there already, at this position.
    AlreadyThere(i64),
    /// Not stored: its id is taken by the event at this position, which says something else.
    Conflict(i64),
}

impl Batch {
    /// A batch. With an expected last position of their one topic (0: it has none), either all
    /// of the events are stored or none.
    ///
    /// # Errors
    /// Names the field when there are no events or too many, one has no id, or an expected
    /// position cannot be meant.
    pub fn new(events: Vec<NewEvent>, expected_last: Option<i64>) -> Result<Batch, BadField> {
        if events.is_empty() || events.len() > BATCH_LIMIT_EVENTS {
            return Err(BadField::new(
                "events",
                format!(
                    "{} events, 1 to {BATCH_LIMIT_EVENTS} may be given",
                    events.len()
                ),
            ));
        }
        if let Some(index) = events.iter().position(|event| event.id.is_none()) {
            return Err(BadField::new("id", "required").within(&format!("events[{index}]")));
        }
        if let Some(expected) = expected_last {
            let bad = |why| Err(BadField::new("expected_last_position", why));
            if expected < 0 {
                return bad("negative");
            }
            if events.iter().any(|event| event.topic != events[0].topic) {
                return bad("only with events of one topic");
            }
        }
        Ok(Batch {
            events,
            expected_last,
        })
    }

    /// The events, in order; one at least.
    pub fn events(&self) -> &[NewEvent] {
        &self.events
    }

    /// The position that the last event of their topic must have.
    pub fn expected_last(&self) -> Option<i64> {
        self.expected_last
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn event(deployment: i32) -> NewEvent {
        NewEvent::of_deployment(deployment, 1, "a".into(), 0, 0).unwrap()
    }

    #[test]
    fn a_batch_has_one_to_a_thousand_events() {
        for (count, is_good) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
            let batch = Batch::new(vec![event(1); count], None);
            assert_eq!(batch.is_ok(), is_good, "{count}");
        }
    }

    #[test]
    fn a_position_is_expected_of_one_topic_alone() {
        let field = |events, expected| Batch::new(events, Some(expected)).unwrap_err().field;
        assert!(Batch::new(vec![event(1), event(1)], Some(0)).is_ok());
        assert_eq!(field(vec![event(1), event(2)], 0), "expected_last_position");
        assert_eq!(field(vec![event(1)], -1), "expected_last_position");
    }
}
