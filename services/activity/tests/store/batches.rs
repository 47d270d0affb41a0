//! Batches: events that are appended together.

use muster_activity::batch::{Batch, Fate};
use muster_activity::error::Error;
use muster_activity::event::{Attributes, NewEvent};
use muster_activity::store::Store;

use crate::engine::{engines, event, other, read_all};

async fn append(
    store: &Store,
    events: Vec<NewEvent>,
    expected: Option<i64>,
) -> Result<Vec<Fate>, Error> {
    let batch = Batch::new(events, expected).unwrap();
    store.append_batch(batch).await
}

fn of_user(ids: &[&str]) -> Vec<NewEvent> {
    ids.iter().map(|id| other("user/1", id, "a")).collect()
}

#[tokio::test]
async fn each_event_of_a_batch_has_its_own_fate_in_order() {
    for engine in engines() {
        let store = engine.open().await;
        store.append(event(1, 7, "a")).await.unwrap();
        let events = vec![
            other("user/1", "x", "a"),
            event(1, 7, "a"),
            event(1, 7, "b"),
            other("user/1", "x", "a"),
            event(2, 7, "b"),
        ];
        let fates = append(&store, events, None).await.unwrap();
        let expected = [
            Fate::Stored(2),
            Fate::AlreadyThere(1),
            Fate::Conflict(1),
            Fate::AlreadyThere(2),
            Fate::Stored(3),
        ];
        assert_eq!(fates, expected);
        assert_eq!(read_all(&store).await.len(), 3);
        store.close().await;
    }
}

#[tokio::test]
async fn kind_and_attributes_are_kept_and_tell_one_event_from_another() {
    for engine in engines() {
        let store = engine.open().await;
        let attributes = Attributes::from([
            ("who".into(), "Ann \"x\" 🙂\n".into()),
            (String::from("\u{7f}"), String::new()),
        ]);
        let full = NewEvent {
            kind: "build".into(),
            attributes: attributes.clone(),
            ..other("user/1", "x", "a")
        };
        append(&store, vec![full.clone()], None).await.unwrap();
        store.close().await;

        let store = engine.open().await;
        assert_eq!(read_all(&store).await, [full.clone().stored(1, "x".into())]);
        let others = vec![
            full.clone(),
            NewEvent {
                kind: String::new(),
                ..full.clone()
            },
            NewEvent {
                attributes: Attributes::new(),
                ..full
            },
        ];
        let fates = append(&store, others, None).await.unwrap();
        assert_eq!(
            fates,
            [Fate::AlreadyThere(1), Fate::Conflict(1), Fate::Conflict(1)]
        );
        store.close().await;
    }
}

#[tokio::test]
async fn an_expected_position_that_does_not_hold_stores_nothing_and_tells_the_one_that_does() {
    for engine in engines() {
        let store = engine.open().await;
        append(&store, of_user(&["a"]), Some(0)).await.unwrap();
        store
            .append(event(1, 1, "another topic does not count"))
            .await
            .unwrap();
        let refused = append(&store, of_user(&["b", "c"]), Some(0))
            .await
            .unwrap_err();
        let told = matches!(
            refused,
            Error::OtherLastPosition {
                expected: 0,
                last: 1
            }
        );
        assert!(told, "{refused}");
        let fates = append(&store, of_user(&["b", "c"]), Some(1)).await.unwrap();
        assert_eq!(fates, [Fate::Stored(3), Fate::Stored(4)]);
        assert_eq!(read_all(&store).await.len(), 4);
        store.close().await;
    }
}

#[tokio::test]
async fn an_expected_position_need_not_hold_for_what_is_repeated() {
    for engine in engines() {
        let store = engine.open().await;
        append(&store, of_user(&["a", "b"]), Some(0)).await.unwrap();
        let again = append(&store, of_user(&["a", "b"]), Some(0)).await.unwrap();
        assert_eq!(again, [Fate::AlreadyThere(1), Fate::AlreadyThere(2)]);
        let more = append(&store, of_user(&["a", "b", "c"]), Some(0)).await;
        assert!(
            matches!(more, Err(Error::OtherLastPosition { .. })),
            "{more:?}"
        );
        store.close().await;
    }
}

#[tokio::test]
async fn a_conflict_keeps_out_the_whole_batch_that_expects_a_position_and_no_event_of_others() {
    for engine in engines() {
        let store = engine.open().await;
        append(&store, of_user(&["a"]), None).await.unwrap();
        let conflicting = vec![other("user/1", "b", "a"), other("user/1", "a", "other")];
        let refused = append(&store, conflicting.clone(), Some(1))
            .await
            .unwrap_err();
        assert!(matches!(refused, Error::Conflict { index: 1 }), "{refused}");
        assert_eq!(store.last_position(), 1);
        let fates = append(&store, conflicting, None).await.unwrap();
        assert_eq!(fates, [Fate::Stored(2), Fate::Conflict(1)]);
        store.close().await;
    }
}

#[tokio::test]
async fn a_refused_batch_leaves_no_topic_behind_and_the_next_is_stored_in_it() {
    for engine in engines() {
        let store = engine.open().await;
        let refused = append(&store, of_user(&["a"]), Some(9)).await;
        assert!(
            matches!(refused, Err(Error::OtherLastPosition { last: 0, .. })),
            "{refused:?}"
        );
        append(&store, of_user(&["a"]), Some(0)).await.unwrap();
        store.close().await;
        let store = engine.open().await;
        assert_eq!(read_all(&store).await[0].topic, "user/1");
        store.close().await;
    }
}

#[tokio::test]
async fn two_that_expect_the_same_position_do_not_both_succeed() {
    for engine in engines() {
        let store = engine.open().await;
        let (one, two) = tokio::join!(
            append(&store, of_user(&["a"]), Some(0)),
            append(&store, of_user(&["b"]), Some(0)),
        );
        assert_eq!(
            [one.is_ok(), two.is_ok()].iter().filter(|ok| **ok).count(),
            1
        );
        assert_eq!(store.last_position(), 1);
        store.close().await;
    }
}
