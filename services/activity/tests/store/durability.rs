//! What was acknowledged is there.

use muster_activity::error::Error;
use muster_kit::store::SqliteUrl;
use tokio::task::JoinSet;

use crate::engine::{append_all, engines, event, read_all};

#[tokio::test]
async fn everything_is_there_after_a_restart_and_positions_go_on() {
    for engine in engines() {
        let store = engine.open().await;
        let stored = append_all(&store, (1..=100).map(|id| event(id % 3, id, "a"))).await;
        let stored: Vec<_> = stored
            .into_iter()
            .map(|s| s.unwrap().into_event())
            .collect();
        store.close().await;

        let store = engine.open().await;
        assert_eq!(store.last_position(), 100);
        assert_eq!(read_all(&store).await, stored);
        assert_eq!(
            store
                .append(event(1, 500, "b"))
                .await
                .unwrap()
                .into_event()
                .position,
            101
        );
        store.close().await;
    }
}

#[tokio::test]
async fn a_close_under_load_loses_nothing_acknowledged_and_stores_nothing_refused() {
    for engine in engines() {
        let store = engine.open().await;
        let mut appends = JoinSet::new();
        for id in 1..=2_000 {
            let store = store.clone();
            appends.spawn(async move { (id, store.append(event(1, id, "a")).await) });
        }
        let (first, _) = appends.join_next().await.unwrap().unwrap();
        store.close().await;

        let mut acknowledged = vec![first];
        while let Some(append) = appends.join_next().await {
            match append.unwrap() {
                (id, Ok(_)) => acknowledged.push(id),
                (_, Err(error)) => assert!(matches!(error, Error::Stopping), "{error}"),
            }
        }
        acknowledged.sort_unstable();
        let store = engine.open().await;
        let mut listed: Vec<i32> = read_all(&store)
            .await
            .iter()
            .map(|event| event.id.parse().unwrap())
            .collect();
        listed.sort_unstable();
        assert_eq!(listed, acknowledged);
        store.close().await;
    }
}

#[tokio::test]
async fn a_closed_store_refuses_and_does_not_hang() {
    for engine in engines() {
        let store = engine.open().await;
        store.close().await;
        let refused = store.append(event(1, 1, "a")).await.unwrap_err();
        assert!(matches!(refused, Error::Stopping), "{refused}");
        store.close().await;
    }
}

#[tokio::test]
async fn more_than_the_queue_holds_waits_for_its_place() {
    for engine in engines() {
        let store = engine.open().await;
        let long = "x".repeat(65_536);
        let stored = append_all(&store, (1..=400).map(|id| event(1, id, &long))).await;
        assert!(stored.iter().all(Result::is_ok));
        assert_eq!(read_all(&store).await.len(), 400);
        store.close().await;
    }
}

#[tokio::test]
async fn a_store_that_is_served_is_not_opened_a_second_time() {
    for engine in engines() {
        let store = engine.open().await;
        assert!(engine.try_open().await.is_err());
        store.close().await;
        engine.open().await.close().await;
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_by_name_and_left_alone() {
    for engine in engines() {
        engine.open().await.close().await;
        let SqliteUrl(path) = engine.url();
        let set_version = |version: i64| {
            let database = rusqlite::Connection::open(&path).unwrap();
            database
                .pragma_update(None, "user_version", version)
                .unwrap();
        };
        set_version(99);
        let refused = engine.try_open().await.unwrap_err().to_string();
        assert!(
            refused.contains("activity.db") && refused.contains("version 99"),
            "{refused}"
        );
        set_version(4);
        engine.open().await.close().await;
    }
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_by_name() {
    for engine in engines() {
        let SqliteUrl(path) = engine.url();
        std::fs::write(
            &path,
            "something else altogether, and long enough to be read ".repeat(40),
        )
        .unwrap();
        let refused = engine.try_open().await.unwrap_err().to_string();
        assert!(
            refused.contains("activity.db") && refused.contains("not a database"),
            "{refused}"
        );
    }
}
