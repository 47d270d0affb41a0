//! What is in the store, as far as it has been read, and what was acknowledged.

use std::collections::{HashMap, HashSet};

use muster_proto::muster::activity::v1 as pb;

use crate::client::Client;
use crate::events;

/// Where events get their ids from the store.
pub(crate) const GIVEN: i32 = 99;
/// What they say.
pub(crate) const GIVEN_MESSAGE: &str = "given";

/// An event that was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Acked {
    /// The event of this number, and where it is if that was told.
    Event(u64, Option<i64>),
    /// An event of [`GIVEN`], under this id.
    Given(i32),
}

/// All that is known to be in a store.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    positions: HashMap<u64, i64>,
    given: HashSet<i32>,
    /// Behind the last event that was read.
    cursor: String,
    last_position: i64,
}

impl Ledger {
    /// Reads what is new in the store. It comes once, whole, and without holes.
    pub(crate) async fn read(&mut self, client: &mut Client) {
        let cursor = std::mem::take(&mut self.cursor);
        let read = client.tail(cursor, |event| self.add(event)).await;
        self.cursor = read.unwrap();
    }

    fn add(&mut self, event: pb::Event) {
        self.last_position += 1;
        assert_eq!(
            event.position, self.last_position,
            "a hole before {event:?}"
        );
        let is_new = if event.topic == format!("deployment/{GIVEN}") {
            assert_eq!(event.message, GIVEN_MESSAGE);
            self.given.insert(event.id.parse().unwrap())
        } else {
            let number = event.id.parse().unwrap();
            assert_eq!(event.topic, events::topic(number), "{event:?}");
            assert_eq!(event.message, events::message(number), "{event:?}");
            self.positions.insert(number, event.position).is_none()
        };
        assert!(is_new, "twice: {event:?}");
    }

    /// Asserts that what was acknowledged has been read.
    pub(crate) fn assert_has(&self, acked: &[Acked]) {
        let is_there = |acked: &&Acked| match acked {
            Acked::Event(number, told) => self
                .positions
                .get(number)
                .is_some_and(|position| told.is_none_or(|told| told == *position)),
            Acked::Given(id) => self.given.contains(id),
        };
        let lost: Vec<_> = acked.iter().filter(|acked| !is_there(acked)).collect();
        assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    }

    /// Asserts that everything is as it was when it was read, in both APIs.
    pub(crate) async fn assert_unchanged(&self, client: &mut Client) {
        let mut again = Ledger::default();
        again.read(client).await;
        assert!(again.positions == self.positions, "positions have changed");
        assert!(again.given == self.given, "given ids have changed");
        let mut listed = 0;
        client.list(|_| listed += 1).await.unwrap();
        let of_deployments = self.positions.keys().filter(|number| *number % 2 == 0);
        assert_eq!(listed, of_deployments.count() + self.given.len());
        let stats = client.stats().await.unwrap();
        assert_eq!(stats.events, self.last_position);
        assert_eq!(stats.last_position, self.last_position);
    }

    /// How many events have been read.
    pub(crate) fn len(&self) -> usize {
        self.positions.len() + self.given.len()
    }
}
