//! More events than the store keeps an index of in memory.

use std::collections::BTreeMap;

use muster_activity::batch::{Batch, Fate};
use muster_activity::event::NewEvent;
use muster_activity::selection::Selection;
use muster_activity::store::{Direction, Store, Window};

use crate::engine::{engines, other, read, read_window};

const EVENTS: i64 = 100_000;
const TOPICS: i64 = 37;

/// Every topic has few of them, but one has most.
fn topic(n: i64) -> String {
    match n % 5 {
        0 => format!("small/{}", n % TOPICS),
        _ => "large".into(),
    }
}

fn event(n: i64) -> NewEvent {
    other(&topic(n), &format!("id-{n}"), "a")
}

async fn append(store: &Store, numbers: impl Iterator<Item = i64>) -> Vec<Fate> {
    let numbers: Vec<i64> = numbers.collect();
    let mut queued = Vec::new();
    for part in numbers.chunks(500) {
        let batch = Batch::new(part.iter().copied().map(event).collect(), None).unwrap();
        queued.push(store.queue_batch(batch).await.unwrap());
    }
    let mut fates = Vec::new();
    for batch in queued {
        fates.extend(batch.fates().await.unwrap());
    }
    fates
}

fn positions_by_topic() -> BTreeMap<String, Vec<i64>> {
    let mut topics = BTreeMap::<_, Vec<i64>>::new();
    for n in 1..=EVENTS {
        topics.entry(topic(n)).or_default().push(n);
    }
    topics
}

async fn assert_topics_are_read(store: &Store) {
    for (topic, expected) in positions_by_topic() {
        let events = read(store, Selection::topic(&topic)).await;
        let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
        assert_eq!(positions, expected, "{topic}");

        let part = Window {
            direction: Direction::Backwards,
            limit_events: 400,
            ..Window::forwards(EVENTS / 3, EVENTS - 5)
        };
        let events = read_window(store, Selection::topic(&topic), part).await;
        let positions = events.iter().rev().map(|event| event.position);
        let expected = expected.into_iter();
        let expected = expected.filter(|n| *n > EVENTS / 3 && *n <= EVENTS - 5);
        assert!(positions.eq(expected), "{topic}");
    }
}

#[tokio::test]
async fn every_topic_is_read_and_every_event_known_whether_indexed_on_disk_or_in_memory() {
    for engine in engines() {
        let store = engine.open().await;
        let fates = append(&store, 1..=EVENTS).await;
        assert!(fates.into_iter().eq((1..=EVENTS).map(Fate::Stored)));
        assert_topics_are_read(&store).await;
        let again = append(&store, (1..=EVENTS).step_by(7)).await;
        let expected = (1..=EVENTS).step_by(7).map(Fate::AlreadyThere);
        assert!(again.into_iter().eq(expected));
        store.close().await;

        let store = engine.open().await;
        assert_topics_are_read(&store).await;
        let again = append(&store, (1..=EVENTS).step_by(11)).await;
        let expected = (1..=EVENTS).step_by(11).map(Fate::AlreadyThere);
        assert!(again.into_iter().eq(expected));
        store.close().await;
    }
}

#[tokio::test]
async fn a_topic_is_read_in_full_while_others_make_the_index_go_to_disk() {
    for engine in engines() {
        let store = engine.open().await;
        append(&store, 1..=1_000).await;
        let expected = positions_by_topic()["small/0"]
            .iter()
            .filter(|n| **n <= 1_000)
            .count();
        let appending = append(&store, 1_001..=EVENTS);
        let reading = async {
            let window = Window::forwards(0, 1_000);
            for _ in 0..200 {
                let events = read_window(&store, Selection::topic("small/0"), window).await;
                assert_eq!(events.len(), expected);
            }
        };
        tokio::join!(appending, reading);
        store.close().await;
    }
}
