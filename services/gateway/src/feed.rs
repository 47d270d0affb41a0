//! The events of the activity service, on their way to hubs.
//!
//! One tail on `user/` feeds all sockets of users; one more each for whatever else is asked for,
//! shared by all who ask for the same. A tail that ends is begun anew at its cursor, for ever: who
//! listens meanwhile hears nothing, and misses nothing.

mod activity;
mod catch_up;
mod shared;
mod tail;

pub use self::activity::Activity;
pub use self::catch_up::{CatchUp, Told};
pub use self::shared::{Feeds, TooMany};

use std::sync::Arc;

use muster_proto::muster::activity::v1 as pb;
use pb::event_filter::Topics;
use tokio_util::task::AbortOnDropHandle;

use crate::hub::{Hub, Kept, Routing};

/// What the topics of users begin with.
pub const USER_TOPICS: &str = "user/";

/// What is kept in memory of the events of users: they come back by the ten thousand.
const KEPT_OF_USERS: Kept = Kept {
    events: 65_536,
    bytes: 64 * 1024 * 1024,
    bare_topics: 100_000,
};
/// What is kept of any other feed.
const KEPT: Kept = Kept {
    events: 1_024,
    bytes: 1024 * 1024,
    bare_topics: 0,
};

/// Which events a feed brings.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// Those of all users.
    Users,
    /// Those of a topic.
    Topic(String),
    /// Those of all topics that begin like this.
    Prefix(String),
}

/// A hub, and the tail that feeds it until it is dropped.
pub struct Feed {
    /// Where its events go.
    pub hub: Arc<Hub>,
    _tail: AbortOnDropHandle<()>,
}

impl Feed {
    /// Begins to feed with the events that come from now on.
    fn begin(source: &Source, activity: &Activity) -> Arc<Feed> {
        let (routing, kept) = match source {
            Source::Users => (Routing::ByTopic, KEPT_OF_USERS),
            Source::Topic(_) | Source::Prefix(_) => (Routing::ToAll, KEPT),
        };
        let hub = Arc::new(Hub::new(routing, kept));
        let tail = tail::keep(source.topics(), activity.clone(), Arc::clone(&hub));
        Arc::new(Feed {
            hub,
            _tail: AbortOnDropHandle::new(tokio::spawn(tail)),
        })
    }
}

impl Source {
    /// What brings the events of a topic: for one of a user, those of all users.
    pub fn of_topic(topic: &str) -> Source {
        match topic.starts_with(USER_TOPICS) {
            true => Self::Users,
            false => Self::Topic(topic.to_owned()),
        }
    }

    /// As a filter has it.
    fn topics(&self) -> Topics {
        match self {
            Self::Users => Topics::TopicPrefix(USER_TOPICS.to_owned()),
            Self::Topic(topic) => Topics::Topic(topic.clone()),
            Self::Prefix(prefix) => Topics::TopicPrefix(prefix.clone()),
        }
    }
}
