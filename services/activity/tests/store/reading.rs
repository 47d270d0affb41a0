//! Pages.

use std::sync::Arc;

use muster_activity::event::{Event, NewEvent};
use muster_activity::selection::Selection;
use muster_activity::store::{Direction, Window};

use crate::engine::{append_all, engines, event, other, read, read_window};

fn positions(events: &[Event]) -> Vec<i64> {
    events.iter().map(|event| event.position).collect()
}

#[tokio::test]
async fn a_topic_is_read_whole_in_order_and_without_the_others() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, (1..=3_000).map(|id| event(id % 2, id, "a"))).await;
        let odd = read(&store, Selection::topic("deployment/1")).await;
        let expected: Vec<i64> = (1..=3_000).filter(|id| id % 2 == 1).collect();
        assert_eq!(positions(&odd), expected);
        assert_eq!(read(&store, Selection::topic("deployment/9")).await, []);
        store.close().await;
    }
}

#[tokio::test]
async fn a_prefix_selects_the_topics_that_begin_with_it_however_rare() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(
            &store,
            (1..=2_000).map(|id| other("user/1", &id.to_string(), "a")),
        )
        .await;
        append_all(
            &store,
            [
                event(5, 1, "a"),
                other("deployments", "1", "a"),
                event(6, 1, "a"),
            ],
        )
        .await;
        let selected = read(&store, Selection::prefix("deployment/")).await;
        assert_eq!(positions(&selected), [2_001, 2_003]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_page_is_bounded_by_its_bytes_and_ends_at_the_end_asked_for() {
    for engine in engines() {
        let store = engine.open().await;
        let long = "x".repeat(60_000);
        append_all(&store, (1..=10).map(|id| event(1, id, &long))).await;
        let all = Arc::new(Selection::prefix(""));
        let page = store.page(&all, Window::forwards(0, 10)).await.unwrap();
        assert_eq!(positions(&page.events), [1, 2, 3]);
        assert_eq!(page.next, Some(3));
        let page = store.page(&all, Window::forwards(3, 4)).await.unwrap();
        assert_eq!(positions(&page.events), [4]);
        assert_eq!(page.next, None);
        store.close().await;
    }
}

#[tokio::test]
async fn kind_and_time_of_receipt_restrict_what_is_read() {
    for engine in engines() {
        let store = engine.open().await;
        let build = |id: i32| NewEvent {
            kind: (if id % 2 == 0 { "build" } else { "builds" }).into(),
            receive_ns: i64::from(id),
            ..event(1, id, "a")
        };
        append_all(&store, (1..=2_000).map(build)).await;
        for topics in [Selection::topic("deployment/1"), Selection::prefix("")] {
            let selection = Selection {
                kind: Some("build".into()),
                received_from_ns: 997,
                received_before_ns: Some(1_002),
                ..topics
            };
            assert_eq!(positions(&read(&store, selection).await), [998, 1_000]);
        }
        store.close().await;
    }
}

#[tokio::test]
async fn backwards_the_same_events_come_in_the_other_order_in_pages_of_any_size() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, (1..=1_500).map(|id| event(id % 2, id, "a"))).await;
        for selection in [Selection::topic("deployment/1"), Selection::prefix("")] {
            let mut expected = positions(&read(&store, selection.clone()).await);
            expected.reverse();
            for limit_events in [1_usize, 7, 1_000] {
                let window = Window {
                    direction: Direction::Backwards,
                    limit_events,
                    ..Window::forwards(0, 1_500)
                };
                let events = read_window(&store, selection.clone(), window).await;
                assert_eq!(positions(&events), expected, "{limit_events}");
            }
        }
        store.close().await;
    }
}
