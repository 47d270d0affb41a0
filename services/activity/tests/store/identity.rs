//! One identity, one event.

use muster_activity::error::Error;
use muster_activity::event::NewEvent;
use muster_activity::store::Appended;

use crate::engine::{append_all, engines, event, other, read_all};

#[tokio::test]
async fn the_same_again_is_acknowledged_stored_once_and_keeps_its_first_times() {
    for engine in engines() {
        let store = engine.open().await;
        let first = store.append(event(1, 7, "a")).await.unwrap();
        let later = NewEvent {
            send_ns: 5,
            receive_ns: 6,
            ..event(1, 7, "a")
        };
        let second = store.append(later).await.unwrap();
        let Appended::Stored(original) = first else {
            panic!("{first:?}")
        };
        assert_eq!(second, Appended::AlreadyThere(original.clone()));
        assert_eq!(read_all(&store).await, [original]);
        store.close().await;
    }
}

#[tokio::test]
async fn an_identity_with_another_content_is_refused_and_the_first_stays() {
    for engine in engines() {
        let store = engine.open().await;
        let original = store.append(event(1, 7, "a")).await.unwrap().into_event();
        let refused = store.append(event(1, 7, "b")).await.unwrap_err();
        assert!(matches!(refused, Error::OtherContent), "{refused}");
        assert_eq!(read_all(&store).await, [original]);
        store.close().await;
    }
}

#[tokio::test]
async fn of_a_thousand_copies_at_the_same_time_one_is_stored() {
    for engine in engines() {
        let store = engine.open().await;
        let copies = append_all(&store, (0..1_000).map(|_| event(1, 7, "a"))).await;
        let is_new = |copy: &&Result<Appended, Error>| matches!(copy, Ok(Appended::Stored(_)));
        assert_eq!(copies.iter().filter(is_new).count(), 1);
        assert!(copies.iter().all(Result::is_ok));
        assert_eq!(read_all(&store).await.len(), 1);
        store.close().await;
    }
}

#[tokio::test]
async fn the_same_id_in_two_topics_is_two_events() {
    for engine in engines() {
        let store = engine.open().await;
        for topic in ["deployment/1", "deployment/2", "user/1"] {
            let appended = store.append(other(topic, "7", topic)).await.unwrap();
            assert!(
                matches!(appended, Appended::Stored(_)),
                "{topic}: {appended:?}"
            );
        }
        assert_eq!(read_all(&store).await.len(), 3);
        store.close().await;
    }
}

#[tokio::test]
async fn an_id_is_given_above_the_highest_of_its_own_topic() {
    for engine in engines() {
        let store = engine.open().await;
        for (given, expected) in [
            ((1, 0), "1"),
            ((1, 40), "40"),
            ((1, 0), "41"),
            ((2, -9), "-9"),
            ((2, 0), "1"),
        ] {
            let (deployment, id) = given;
            let stored = store
                .append(event(deployment, id, "a"))
                .await
                .unwrap()
                .into_event();
            assert_eq!(stored.id, expected, "{given:?}");
        }
        store.close().await;
    }
}

#[tokio::test]
async fn no_id_is_given_above_the_top_also_after_a_restart() {
    for engine in engines() {
        let store = engine.open().await;
        store.append(event(1, i32::MAX, "a")).await.unwrap();
        store.close().await;
        let store = engine.open().await;
        let refused = store.append(event(1, 0, "b")).await.unwrap_err();
        assert!(matches!(refused, Error::NoIdLeft), "{refused}");
        store
            .append(event(1, 5, "ids below the top may still be named"))
            .await
            .unwrap();
        store.close().await;
    }
}

#[tokio::test]
async fn ids_that_are_no_numbers_do_not_count_for_the_next_one() {
    for engine in engines() {
        let store = engine.open().await;
        store
            .append(other("deployment/1", "0099", "a"))
            .await
            .unwrap();
        store
            .append(other("deployment/1", "99999999999", "a"))
            .await
            .unwrap();
        assert_eq!(
            store
                .append(event(1, 0, "b"))
                .await
                .unwrap()
                .into_event()
                .id,
            "1"
        );
        store.close().await;
    }
}
