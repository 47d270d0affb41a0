//! Tails and listings.

use std::time::Duration;

use muster_activity::cursor::{Cursor, Stale};
use muster_activity::listing::{self, Listing};
use muster_activity::selection::Selection;
use muster_activity::store::{Direction, Store};
use muster_activity::tail::{Begin, Feed, Request, Tail, Told};
use tokio::time::timeout;
use uuid::Uuid;

use crate::engine::{append_all, engines, event, other};

const SOON: Duration = Duration::from_secs(30);

fn tail(feed: &Feed, selection: Selection, begin: Begin) -> Tail {
    feed.tail(Request {
        selection,
        begin,
        follow: true,
    })
}

async fn next(tail: &mut Tail) -> Told {
    let told = timeout(SOON, tail.next()).await.unwrap();
    told.unwrap().unwrap()
}

/// The positions that are told until the tail is live, and the cursor there.
async fn until_live(tail: &mut Tail) -> (Vec<i64>, Cursor) {
    let mut positions = Vec::new();
    loop {
        match next(tail).await {
            Told::Batch(events, _) => positions.extend(events.iter().map(|event| event.position)),
            Told::Live(cursor) => return (positions, cursor),
            Told::Reset(reset) => panic!("{reset:?}"),
        }
    }
}

/// The next so many positions that are told by a tail that is live, and the last cursor.
async fn take(tail: &mut Tail, count: usize) -> (Vec<i64>, Cursor) {
    let mut positions = Vec::new();
    loop {
        let Told::Batch(events, cursor) = next(tail).await else {
            panic!("live once")
        };
        positions.extend(events.iter().map(|event| event.position));
        if positions.len() >= count {
            return (positions, cursor);
        }
    }
}

async fn list(store: &Store, direction: Direction, cursor: Option<Cursor>) -> Listing {
    let request = listing::Request {
        selection: Selection::prefix(""),
        cursor,
        direction,
        limit_events: 10,
    };
    listing::list(store, request).await.unwrap()
}

#[tokio::test]
async fn a_tail_tells_what_is_there_that_it_is_live_and_what_comes_then() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, (1..=1_200).map(|id| event(id % 2, id, "a"))).await;
        let feed = Feed::new(store.clone());
        let mut odd = tail(&feed, Selection::topic("deployment/1"), Begin::First);
        let (positions, _) = until_live(&mut odd).await;
        assert_eq!(positions, (1..1_200).step_by(2).collect::<Vec<i64>>());
        append_all(&store, (1_201..=3_000).map(|id| event(id % 2, id, "a"))).await;
        let (positions, cursor) = take(&mut odd, 900).await;
        assert_eq!(positions, (1_201..3_000).step_by(2).collect::<Vec<i64>>());

        let mut again = tail(&feed, Selection::prefix(""), Begin::Behind(cursor));
        append_all(&store, [event(1, 3_001, "a")]).await;
        let (rest, _) = until_live(&mut again).await;
        let later = if rest.contains(&3_001) {
            vec![]
        } else {
            take(&mut again, 1).await.0
        };
        let expected: Vec<i64> = (cursor.position + 1..=3_001).collect();
        assert_eq!([rest, later].concat(), expected);
        store.close().await;
    }
}

#[tokio::test]
async fn a_tail_that_begins_at_the_end_tells_only_what_comes() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, (1..=10).map(|id| event(1, id, "a"))).await;
        let feed = Feed::new(store.clone());
        let mut new = tail(&feed, Selection::prefix(""), Begin::End);
        assert!(until_live(&mut new).await.0.is_empty());
        append_all(&store, [event(1, 11, "a")]).await;
        assert_eq!(take(&mut new, 1).await.0, [11]);
        store.close().await;
    }
}

#[tokio::test]
async fn without_follow_a_tail_ends_at_what_was_there_when_it_began() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, [event(1, 1, "a")]).await;
        let feed = Feed::new(store.clone());
        let mut short = feed.tail(Request {
            selection: Selection::prefix(""),
            begin: Begin::First,
            follow: false,
        });
        append_all(&store, [event(1, 2, "a")]).await;
        let (positions, cursor) = until_live(&mut short).await;
        assert_eq!((positions, cursor.position), (vec![1], 1));
        assert!(short.next().await.is_none());
        store.close().await;
    }
}

#[tokio::test]
async fn a_reader_that_rests_while_others_go_on_misses_nothing() {
    for engine in engines() {
        let store = engine.open().await;
        let feed = Feed::new(store.clone());
        let mut slow = tail(&feed, Selection::prefix(""), Begin::First);
        let mut quick = tail(&feed, Selection::prefix(""), Begin::First);
        until_live(&mut slow).await;
        until_live(&mut quick).await;
        for round in 0..8 {
            let ids = round * 1_000 + 1..=(round + 1) * 1_000;
            append_all(&store, ids.map(|id| event(1, id, "a"))).await;
            take(&mut quick, 1_000).await;
        }
        let (positions, _) = take(&mut slow, 8_000).await;
        assert_eq!(positions, (1..=8_000).collect::<Vec<i64>>());
        store.close().await;
    }
}

#[tokio::test]
async fn a_cursor_holds_over_a_restart_and_moves_on_where_nothing_is_selected() {
    for engine in engines() {
        let store = engine.open().await;
        let feed = Feed::new(store.clone());
        let mut rare = tail(&feed, Selection::prefix("user/"), Begin::First);
        until_live(&mut rare).await;
        append_all(&store, (1..=12_000).map(|id| event(1, id, "a"))).await;
        let Told::Batch(events, cursor) = next(&mut rare).await else {
            panic!("live once")
        };
        assert!(events.is_empty() && cursor.position >= 10_000, "{cursor}");
        drop((rare, feed));
        store.close().await;

        let store = engine.open().await;
        let feed = Feed::new(store.clone());
        append_all(&store, [other("user/1", "x", "a")]).await;
        let mut rare = tail(&feed, Selection::prefix("user/"), Begin::Behind(cursor));
        assert_eq!(until_live(&mut rare).await.0, [12_001]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_cursor_of_another_store_or_of_a_newer_copy_is_answered_with_a_reset() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, (1..=3).map(|id| event(1, id, "a"))).await;
        let feed = Feed::new(store.clone());
        let other_store = Uuid::from_u128(7);
        let first = Cursor {
            store: store.id(),
            position: 0,
        };
        for (store_id, position, reason) in [
            (other_store, 2, Stale::OtherStore),
            (store.id(), 4, Stale::BehindEnd),
        ] {
            let cursor = Cursor {
                store: store_id,
                position,
            };
            let mut tail = tail(&feed, Selection::prefix(""), Begin::Behind(cursor));
            let Told::Reset(reset) = next(&mut tail).await else {
                panic!("a reset comes first")
            };
            assert_eq!((reset.reason, reset.cursor), (reason, first));
            assert_eq!(until_live(&mut tail).await.0, [1, 2, 3]);
            let listing = list(&store, Direction::Forwards, Some(cursor)).await;
            assert_eq!(listing.reset, Some(reset));
            assert_eq!(listing.events.len(), 3);
        }
        store.close().await;
    }
}

#[tokio::test]
async fn a_listing_leads_from_page_to_page_and_on_to_a_tail() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, (1..=25).map(|id| event(1, id, "a"))).await;
        let mut newest_first = Vec::new();
        let mut page = list(&store, Direction::Backwards, None).await;
        let end = page.end;
        append_all(&store, [event(1, 26, "meanwhile")]).await;
        loop {
            newest_first.extend(page.events.iter().map(|event| event.position));
            let Some(next) = page.next else { break };
            page = list(&store, Direction::Backwards, Some(next)).await;
        }
        assert_eq!(newest_first, (1..=25).rev().collect::<Vec<i64>>());
        let feed = Feed::new(store.clone());
        let mut newer = tail(&feed, Selection::prefix(""), Begin::Behind(end));
        assert_eq!(until_live(&mut newer).await.0, [26]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_page_of_a_listing_looks_at_a_bounded_number_of_events() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, (1..=9_000).map(|id| event(1, id, "a"))).await;
        append_all(&store, [other("user/1", "x", "a")]).await;
        let request = |cursor| listing::Request {
            selection: Selection::prefix("user/"),
            cursor,
            direction: Direction::Forwards,
            limit_events: 10,
        };
        let first = listing::list(&store, request(None)).await.unwrap();
        assert!(first.events.is_empty() && first.next.is_some(), "{first:?}");
        let second = listing::list(&store, request(first.next)).await.unwrap();
        assert_eq!((second.events.len(), second.next), (1, None));
        store.close().await;
    }
}
