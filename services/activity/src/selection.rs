//! Selections: which events somebody wants to read.

use crate::event::Event;

/// Which topics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topics {
    /// This one.
    One(String),
    /// All that begin like this; all there are when it is empty.
    Prefix(String),
}

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Those of these topics.
    pub topics: Topics,
    /// Those of this kind; `None`: of any.
    pub kind: Option<String>,
    /// Those received then or later, in nanoseconds since the Unix epoch.
    pub received_from_ns: i64,
    /// Those received before then, in nanoseconds since the Unix epoch; `None`: at any time.
    pub received_before_ns: Option<i64>,
}

impl Selection {
    /// All events of these topics.
    pub fn of(topics: Topics) -> Selection {
        Selection {
            topics,
            kind: None,
            received_from_ns: i64::MIN,
            received_before_ns: None,
        }
    }

    /// All events of one topic.
    pub fn topic(name: impl Into<String>) -> Selection {
        Selection::of(Topics::One(name.into()))
    }

    /// All events of the topics that begin like this.
    pub fn prefix(prefix: impl Into<String>) -> Selection {
        Selection::of(Topics::Prefix(prefix.into()))
    }

    /// Whether an event with these features is one of them.
    pub fn has(&self, topic: &str, kind: &str, receive_ns: i64) -> bool {
        let of_topic = match &self.topics {
            Topics::One(name) => topic == name,
            Topics::Prefix(prefix) => topic.starts_with(prefix.as_str()),
        };
        let of_kind = self.kind.as_ref().is_none_or(|wanted| kind == wanted);
        let in_time = receive_ns >= self.received_from_ns
            && self.received_before_ns.is_none_or(|end| receive_ns < end);
        of_topic && of_kind && in_time
    }

    /// Whether the event is one of them.
    pub fn has_event(&self, event: &Event) -> bool {
        self.has(&event.topic, &event.kind, event.receive_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_kind_and_time_must_all_fit() {
        let selection = Selection {
            kind: Some("build".into()),
            received_from_ns: 10,
            received_before_ns: Some(20),
            ..Selection::prefix("user/")
        };
        assert!(selection.has("user/1", "build", 10));
        assert!(!selection.has("users/1", "build", 10));
        assert!(!selection.has("user/1", "", 10));
        assert!(!selection.has("user/1", "build", 9));
        assert!(!selection.has("user/1", "build", 20));
    }

    #[test]
    fn one_topic_is_not_those_below_it() {
        let selection = Selection::topic("user/1");
        assert!(selection.has("user/1", "any", i64::MAX));
        assert!(!selection.has("user/1/x", "any", 0) && !selection.has("user/10", "any", 0));
    }
}
