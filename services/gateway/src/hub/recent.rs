//! The topics of a hub, and what of their events is kept in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::event::Event;
use super::mailbox::Mailbox;
use super::topic::{Member, Topic};

/// How much of what has come is kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// Events.
    pub events: usize,
    /// Bytes of events.
    pub bytes: usize,
    /// Topics of which nothing is kept but that they had an event, and when.
    pub bare_topics: usize,
}

/// How the events of a feed are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Routing {
    /// Subscribers are of single topics.
    ByTopic,
    /// All subscribers get all events.
    ToAll,
}

/// All topics.
#[derive(Debug)]
pub(super) struct Recent {
    kept: Kept,
    routing: Routing,
    /// All that came behind this position is known: kept, or its topic knows that it is lost.
    begin: i64,
    topics: HashMap<Box<str>, Topic>,
    /// What is kept, oldest first.
    order: VecDeque<Arc<Event>>,
    bytes: usize,
    /// Topics that are there only for what they have lost, oldest first.
    bare: VecDeque<Box<str>>,
}

impl Recent {
    pub(super) fn new(routing: Routing, kept: Kept) -> Recent {
        Recent {
            kept,
            routing,
            begin: i64::MAX,
            topics: HashMap::new(),
            order: VecDeque::new(),
            bytes: 0,
            bare: VecDeque::new(),
        }
    }

    /// Forgets all events: what came up to this position is unknown.
    pub(super) fn begin(&mut self, position: i64) {
        self.begin = position;
        (self.order, self.bytes, self.bare) = (VecDeque::new(), 0, VecDeque::new());
        self.topics.retain(|_, topic| {
            (topic.recent, topic.lost) = (VecDeque::new(), i64::MIN);
            !topic.members.is_empty()
        });
    }

    /// Keeps an event, the newest. Who wants it?
    pub(super) fn add(&mut self, event: &Arc<Event>) -> &[Member] {
        self.bytes += event.bytes();
        self.order.push_back(Arc::clone(event));
        let topic = match self.topics.get_mut(key(self.routing, &event.topic)) {
            Some(topic) => topic,
            None => {
                let key = key(self.routing, &event.topic).into();
                self.topics.entry(key).or_insert_with(Topic::new)
            }
        };
        topic.recent.push_back(Arc::clone(event));
        while self.order.len() > self.kept.events || self.bytes > self.kept.bytes {
            self.lose_oldest();
        }
        let topic = self.topics.get(key(self.routing, &event.topic));
        topic.map_or(&[], |topic| &topic.members)
    }

    fn lose_oldest(&mut self) {
        let Some(event) = self.order.pop_front() else {
            return;
        };
        self.bytes -= event.bytes();
        let key = key(self.routing, &event.topic);
        if let Some(topic) = self.topics.get_mut(key) {
            topic.recent.pop_front();
            topic.lost = event.position;
            if topic.is_bare() {
                self.bare.push_back(key.into());
            }
        }
        while self.bare.len() > self.kept.bare_topics {
            self.forget_oldest_bare();
        }
    }

    fn forget_oldest_bare(&mut self) {
        let Some(key) = self.bare.pop_front() else {
            return;
        };
        if let Some(topic) = self.topics.get(&key).filter(|topic| topic.is_bare()) {
            self.begin = self.begin.max(topic.lost);
            self.topics.remove(&key);
        }
    }

    /// The first `most` events of a topic behind a position; `None` if they are not all known.
    pub(super) fn behind(
        &self,
        topic: &str,
        position: i64,
        most: usize,
    ) -> Option<Vec<Arc<Event>>> {
        if position < self.begin {
            return None;
        }
        let topic = self.topics.get(key(self.routing, topic));
        topic.map_or(Some(Vec::new()), |topic| topic.behind(position, most))
    }

    pub(super) fn join(&mut self, topic: &str, member: Member) {
        let key = key(self.routing, topic);
        let topic = self.topics.entry(key.into()).or_insert_with(Topic::new);
        topic.members.push(member);
    }

    pub(super) fn leave(&mut self, topic: &str, mailbox: &Arc<Mailbox>, number: u32) {
        let key = key(self.routing, topic);
        let Some(topic) = self.topics.get_mut(key) else {
            return;
        };
        topic.leave(mailbox, number);
        if !topic.is_bare() {
            return;
        }
        if topic.lost > self.begin {
            self.bare.push_back(key.into());
        } else {
            self.topics.remove(key);
        }
    }

    pub(super) fn members(&mut self) -> impl Iterator<Item = &mut Member> {
        self.topics
            .values_mut()
            .flat_map(|topic| &mut topic.members)
    }
}

fn key(routing: Routing, topic: &str) -> &str {
    match routing {
        Routing::ByTopic => topic,
        Routing::ToAll => "",
    }
}
