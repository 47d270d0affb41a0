//! The events that every store gets.

use uuid::Uuid;

/// What happened, in every event: 64 bytes.
pub(crate) const MESSAGE: &str = "deployment finished: 12 of 12 instances ready, 0 restarts, 41 s.";

/// Topics of [`Shape::ThousandTopics`].
const TOPICS: u64 = 1_000;

/// How events are identified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Ascending numbers in one topic.
    OneTopic,
    /// Ascending numbers, over a thousand topics in turn.
    ThousandTopics,
    /// Random UUIDs in one topic.
    RandomIds,
}

/// The identity of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) topic: String,
    pub(crate) id: String,
}

impl Shape {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Shape::OneTopic => "ascending ids in one topic",
            Shape::ThousandTopics => "ascending ids over 1,000 topics",
            Shape::RandomIds => "random UUIDs",
        }
    }

    /// The event of a number, from 0.
    pub(crate) fn event(self, number: u64) -> Event {
        let (topic, id) = match self {
            Shape::OneTopic => ("deployment/1".to_owned(), (number + 1).to_string()),
            Shape::ThousandTopics => (
                format!("deployment/{}", number % TOPICS + 1),
                (number / TOPICS + 1).to_string(),
            ),
            // Not in a deployment: these have numbers for ids.
            Shape::RandomIds => ("order/1".to_owned(), Uuid::new_v4().to_string()),
        };
        Event { topic, id }
    }

    /// `count` events in batches, the last of which may be shorter.
    pub(crate) fn batches(self, count: u64, size: u64) -> impl Iterator<Item = Vec<Event>> + Send {
        let batch = move |number: u64| {
            let begin = number * size;
            let end = (begin + size).min(count);
            (begin..end).map(|number| self.event(number)).collect()
        };
        (0..count.div_ceil(size)).map(batch)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn identities(shape: Shape) -> HashSet<(String, String)> {
        let events = shape.batches(2_500, 256).flatten();
        events.map(|event| (event.topic, event.id)).collect()
    }

    #[test]
    fn no_event_comes_twice() {
        for shape in [Shape::OneTopic, Shape::ThousandTopics, Shape::RandomIds] {
            assert_eq!(identities(shape).len(), 2_500, "{shape:?}");
        }
    }

    #[test]
    fn a_thousand_topics_are_a_thousand() {
        let topics = |shape| {
            let topics = identities(shape).into_iter().map(|(topic, _)| topic);
            topics.collect::<HashSet<_>>().len()
        };
        assert_eq!(topics(Shape::ThousandTopics), 1_000);
        assert_eq!(topics(Shape::OneTopic), 1);
        assert_eq!(topics(Shape::RandomIds), 1);
    }

    #[test]
    fn batches_are_full_but_for_the_last() {
        let sizes: Vec<usize> = Shape::OneTopic
            .batches(600, 256)
            .map(|batch| batch.len())
            .collect();
        assert_eq!(sizes, [256, 256, 88]);
    }
}
