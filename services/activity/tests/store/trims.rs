//! Events that are removed, and what stays of them.

use std::time::Duration;

use muster_activity::batch::{Batch, Fate};
use muster_activity::cursor::{Cursor, Reset, Stale};
use muster_activity::error::Error;
use muster_activity::event::NewEvent;
use muster_activity::listing;
use muster_activity::retention::{self, RETENTIONS_LIMIT};
use muster_activity::selection::{Selection, Topics};
use muster_activity::store::{Appended, Direction, Store};
use muster_activity::tail::{Begin, Feed, Request, Tail, Told};
use muster_activity::trim::Trim;
use muster_kit::Shutdown;
use muster_kit::clock::now_ns;
use tokio::time::timeout;

use crate::engine::{append_all, engines, event, other, read, read_all};

const SOON: Duration = Duration::from_secs(30);

async fn trim(store: &Store, topics: Topics, up_to: i64) -> u64 {
    let trim = Trim::new(topics, Some(up_to), None).unwrap();
    trim.run(store).await.unwrap()
}

fn one(topic: &str) -> Topics {
    Topics::One(topic.into())
}

/// Appends `count` events to each topic in turn.
async fn fill(store: &Store, topics: &[&str], count: i64) {
    let events = (1..=count).flat_map(|n| {
        let events = topics
            .iter()
            .map(move |topic| other(topic, &n.to_string(), "a"));
        events.collect::<Vec<_>>()
    });
    for appended in append_all(store, events).await {
        appended.unwrap();
    }
}

async fn positions(store: &Store, selection: Selection) -> Vec<i64> {
    let events = read(store, selection).await;
    events.iter().map(|event| event.position).collect()
}

fn tail(store: &Store, selection: Selection, begin: Begin) -> Tail {
    Feed::new(store.clone()).tail(Request {
        selection,
        begin,
        follow: true,
    })
}

async fn next(tail: &mut Tail) -> Told {
    let told = timeout(SOON, tail.next()).await.unwrap();
    told.unwrap().unwrap()
}

/// The positions that come next.
async fn batch(tail: &mut Tail) -> Vec<i64> {
    match next(tail).await {
        Told::Batch(events, _) => events.iter().map(|event| event.position).collect(),
        told => panic!("{told:?}"),
    }
}

fn at(store: &Store, position: i64) -> Cursor {
    Cursor {
        store: store.id(),
        position,
    }
}

fn removed(store: &Store, position: i64, first_position: i64) -> Reset {
    Reset {
        reason: Stale::Removed,
        cursor: at(store, position),
        first_position,
    }
}

#[tokio::test]
async fn a_trimmed_event_is_gone_and_its_identity_stays_for_good() {
    for engine in engines() {
        let store = engine.open().await;
        fill(&store, &["a", "b"], 4).await;
        assert_eq!(trim(&store, one("a"), 5).await, 3);
        assert_eq!(trim(&store, one("a"), 5).await, 0);
        assert_eq!(positions(&store, Selection::topic("a")).await, [7]);
        assert_eq!(
            positions(&store, Selection::prefix("")).await,
            [2, 4, 6, 7, 8]
        );
        store.close().await;

        let store = engine.open().await;
        let again = store.append(other("a", "2", "a")).await.unwrap();
        assert!(matches!(again, Appended::Removed(event) if event.position == 3));
        let changed = store.append(other("a", "2", "b")).await;
        assert!(matches!(changed, Err(Error::OtherContent)));
        let batch = Batch::new(vec![other("a", "3", "a"), other("a", "3", "b")], None).unwrap();
        let fates = store.append_batch(batch).await.unwrap();
        assert_eq!(fates, [Fate::AlreadyThere(5), Fate::Conflict(5)]);
        assert_eq!(positions(&store, Selection::topic("a")).await, [7]);
        store.close().await;
    }
}

#[tokio::test]
async fn what_was_the_last_position_of_a_topic_is_expected_also_when_it_is_trimmed() {
    for engine in engines() {
        let store = engine.open().await;
        fill(&store, &["a"], 3).await;
        trim(&store, one("a"), 3).await;
        store.close().await;

        let store = engine.open().await;
        assert_eq!(store.last_position(), 3);
        let behind = |expected| Batch::new(vec![other("a", "4", "a")], Some(expected)).unwrap();
        let refused = store.append_batch(behind(0)).await.unwrap_err();
        assert!(
            matches!(refused, Error::OtherLastPosition { last: 3, .. }),
            "{refused}"
        );
        assert_eq!(
            store.append_batch(behind(3)).await.unwrap(),
            [Fate::Stored(4)]
        );
        store.close().await;
    }
}

#[tokio::test]
async fn an_id_that_the_store_gave_is_not_given_again_after_a_trim() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, [event(7, 41, "a"), event(7, 0, "b")]).await;
        trim(&store, Topics::Prefix(String::new()), 2).await;
        store.close().await;
        let store = engine.open().await;
        let next = store.append(event(7, 0, "c")).await.unwrap().into_event();
        assert_eq!((next.id.as_str(), next.position), ("43", 3));
        store.close().await;
    }
}

#[tokio::test]
async fn a_cursor_in_front_of_trimmed_events_is_answered_with_a_reset_and_what_is_left() {
    for engine in engines() {
        let store = engine.open().await;
        fill(&store, &["a", "b"], 4).await; // a: 1 3 5 7, b: 2 4 6 8
        trim(&store, one("a"), 5).await;
        let cursor = at(&store, 2);

        let mut late = tail(&store, Selection::topic("a"), Begin::Behind(cursor));
        assert_eq!(next(&mut late).await, Told::Reset(removed(&store, 2, 6)));
        assert_eq!(batch(&mut late).await, [7]);
        assert_eq!(next(&mut late).await, Told::Live(at(&store, 8)));

        let mut of_both = tail(&store, Selection::prefix(""), Begin::Behind(cursor));
        assert_eq!(next(&mut of_both).await, Told::Reset(removed(&store, 2, 4)));
        assert_eq!(batch(&mut of_both).await, [4, 6, 7, 8]);

        for (selection, place) in [(Selection::topic("b"), 0), (Selection::topic("a"), 5)] {
            let behind = Begin::Behind(at(&store, place));
            let mut unharmed = tail(&store, selection, behind);
            assert!(!batch(&mut unharmed).await.is_empty());
        }
        let mut from_first = tail(&store, Selection::topic("a"), Begin::First);
        assert_eq!(batch(&mut from_first).await, [7]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_tail_that_a_trim_passes_is_told_so() {
    for engine in engines() {
        let store = engine.open().await;
        fill(&store, &["a", "b"], 2_000).await;
        let mut slow = tail(&store, Selection::topic("a"), Begin::First);
        let first = batch(&mut slow).await;
        let place = *first.last().unwrap();
        assert!(place < 3_000, "a page has {} events", first.len());

        trim(&store, one("b"), 4_000).await;
        let next_positions = batch(&mut slow).await;
        assert_eq!(next_positions[0], place + 2, "the trim of another topic");

        let place = *next_positions.last().unwrap();
        trim(&store, one("a"), 3_999 - 2).await;
        let Told::Reset(reset) = next(&mut slow).await else {
            panic!("passed in silence")
        };
        assert_eq!(
            (reset.reason, reset.cursor),
            (Stale::Removed, at(&store, place))
        );
        assert!(
            (place + 1..=3_998).contains(&reset.first_position),
            "{reset:?}"
        );
        let mut left = Vec::new();
        while left.is_empty() {
            left = batch(&mut slow).await;
        }
        assert_eq!(left, [3_999]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_page_token_in_front_of_trimmed_events_says_so_and_backwards_it_just_ends() {
    for engine in engines() {
        let store = engine.open().await;
        fill(&store, &["a"], 10).await;
        trim(&store, one("a"), 6).await;
        let list = async |direction, position| {
            let request = listing::Request {
                selection: Selection::topic("a"),
                cursor: Some(at(&store, position)),
                direction,
                limit_events: 3,
            };
            let listing = listing::list(&store, request).await.unwrap();
            let positions: Vec<i64> = listing.events.iter().map(|event| event.position).collect();
            (positions, listing.reset)
        };
        let forwards = Direction::Forwards;
        assert_eq!(
            list(forwards, 4).await,
            (vec![7, 8, 9], Some(removed(&store, 4, 7)))
        );
        assert_eq!(list(forwards, 6).await, (vec![7, 8, 9], None));
        assert_eq!(list(Direction::Backwards, 8).await, (vec![8, 7], None));
        store.close().await;
    }
}

#[tokio::test]
async fn the_stats_count_what_is_left() {
    for engine in engines() {
        let store = engine.open().await;
        fill(&store, &["a", "b"], 5).await;
        trim(&store, one("a"), 3).await;
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.events, stats.topics), (8, 2));
        assert_eq!((stats.first_position, stats.last_position), (2, 10));
        trim(&store, Topics::Prefix(String::new()), 10).await;
        let stats = store.stats().await.unwrap();
        assert_eq!((stats.events, stats.topics), (0, 2));
        assert_eq!((stats.first_position, stats.last_position), (0, 10));
        store.close().await;
    }
}

#[tokio::test]
async fn trims_reach_events_that_are_indexed_on_disk() {
    const EVENTS: i64 = 50_000;
    for engine in engines() {
        let store = engine.open().await;
        let ids: Vec<i64> = (1..=EVENTS).collect();
        for part in ids.chunks(1_000) {
            let events = part.iter().map(|id| other("a", &id.to_string(), "x"));
            let batch = Batch::new(events.collect(), None).unwrap();
            store.append_batch(batch).await.unwrap();
        }
        assert_eq!(
            trim(&store, one("a"), EVENTS - 10).await,
            EVENTS as u64 - 10
        );
        store.close().await;

        let store = engine.open().await;
        let left: Vec<i64> = (EVENTS - 9..=EVENTS).collect();
        assert_eq!(positions(&store, Selection::topic("a")).await, left);
        for id in [1, 30_000, EVENTS - 10] {
            let again = store
                .append(other("a", &id.to_string(), "x"))
                .await
                .unwrap();
            assert!(matches!(again, Appended::Removed(event) if event.position == id));
        }
        store.close().await;
    }
}

/// An event that was received so long ago.
fn received(topic: &str, id: &str, age: Duration) -> NewEvent {
    NewEvent {
        receive_ns: now_ns() - age.as_nanos() as i64,
        ..other(topic, id, "a")
    }
}

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn events_go_when_the_retention_of_their_longest_prefix_has_passed() {
    for engine in engines() {
        let store = engine.open().await;
        let set = async |prefix: &str, age| store.set_retention(prefix.into(), age).await.unwrap();
        set("user/", Some(HOUR)).await;
        set("user/2/", Some(HOUR * 3)).await;
        set("room/", Some(HOUR)).await;
        set("room/", None).await;
        store.close().await;

        let store = engine.open().await;
        let events = [
            received("user/2/x", "older", HOUR * 4),
            received("user/1", "old", HOUR * 2),
            received("user/2/x", "old", HOUR * 2),
            received("room/1", "old", HOUR * 2),
            received("user/1", "young", HOUR / 2),
        ];
        append_all(&store, events).await;
        let shutdown = Shutdown::new();
        let keeping = tokio::spawn(retention::keep(store.clone(), shutdown.clone()));
        let left = async {
            while store.stats().await.unwrap().events > 3 {
                tokio::task::yield_now().await;
            }
        };
        timeout(SOON, left).await.unwrap();
        shutdown.cancel();
        keeping.await.unwrap();
        let events = read_all(&store).await;
        let left: Vec<&str> = events.iter().map(|event| event.topic.as_str()).collect();
        assert_eq!(left, ["user/2/x", "room/1", "user/1"]);
        store.close().await;
    }
}

#[tokio::test]
async fn retentions_are_bounded_and_may_be_set_again() {
    for engine in engines() {
        let store = engine.open().await;
        for n in 0..RETENTIONS_LIMIT {
            store
                .set_retention(format!("user/{n:03}"), Some(HOUR))
                .await
                .unwrap();
        }
        let refused = store.set_retention("room/".into(), Some(HOUR)).await;
        assert!(matches!(refused, Err(Error::TooManyRetentions { .. })));
        store
            .set_retention("user/001".into(), Some(HOUR * 2))
            .await
            .unwrap();
        assert_eq!(store.retentions().len(), RETENTIONS_LIMIT);
        assert_eq!(store.retentions()[1].max_age, HOUR * 2);
        store.close().await;
    }
}

#[tokio::test]
async fn a_trim_by_time_leaves_what_came_later() {
    for engine in engines() {
        let store = engine.open().await;
        let events = [received("a", "1", HOUR * 2), received("a", "2", HOUR / 2)];
        append_all(&store, events).await;
        let before = now_ns() - HOUR.as_nanos() as i64;
        let trim = Trim::new(one("a"), None, Some(before)).unwrap();
        assert_eq!(trim.run(&store).await.unwrap(), 1);
        assert_eq!(positions(&store, Selection::topic("a")).await, [2]);
        store.close().await;
    }
}
