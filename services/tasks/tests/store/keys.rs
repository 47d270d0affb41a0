//! Idempotency keys.

use muster_tasks::store::{KEY_LIFETIME, Limits};
use muster_tasks::task::{Precondition, Refusal};
use tokio::task::JoinSet;

use crate::engine::{Engine, NOW_MS, all, completed, keyed, refused};

pub(crate) async fn a_task_that_is_created_again_with_its_key_is_the_same(engine: &Engine) {
    let store = engine.open().await;
    let first = store.create(keyed("x", "key"), NOW_MS).await.unwrap();
    let completed = store.change(first.id, completed(), Precondition::None, NOW_MS);
    let completed = completed.await.unwrap();
    store.close().await;
    drop(store);
    let store = engine.open().await;
    let again = store.create(keyed("x", "key"), NOW_MS + 5).await.unwrap();
    assert_eq!(again, completed);
    let other = store.create(keyed("y", "key"), NOW_MS + 5).await;
    assert_eq!(refused(other), Refusal::KeyReused);
    let other = store.create(keyed("x", "KEY"), NOW_MS + 5).await.unwrap();
    assert!(other.id > first.id);
    assert_eq!(all(&store, 10).await.len(), 2);
}

pub(crate) async fn the_key_of_a_deleted_task_makes_no_other(engine: &Engine) {
    let store = engine.open().await;
    let first = store.create(keyed("x", "key"), NOW_MS).await.unwrap();
    store.delete(first.id, Precondition::None).await.unwrap();
    let again = store.create(keyed("x", "key"), NOW_MS).await;
    assert_eq!(refused(again), Refusal::Deleted);
    assert_eq!(all(&store, 10).await, []);
}

pub(crate) async fn tasks_of_one_key_that_come_at_one_time_are_one(engine: &Engine) {
    let store = engine.open().await;
    let mut creating = JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        creating.spawn(async move { store.create(keyed("x", "key"), NOW_MS).await.unwrap().id });
    }
    let mut ids = creating.join_all().await;
    ids.dedup();
    assert_eq!((ids.len(), all(&store, 10).await.len()), (1, 1));
}

pub(crate) async fn a_key_is_known_for_a_day(engine: &Engine) {
    let day_ms = i64::try_from(KEY_LIFETIME.as_millis()).unwrap();
    let store = engine.open().await;
    let first = store.create(keyed("x", "key"), NOW_MS).await.unwrap();
    let just = store
        .create(keyed("x", "key"), NOW_MS + day_ms - 1)
        .await
        .unwrap();
    assert_eq!(just, first);
    let later = store
        .create(keyed("other", "key"), NOW_MS + day_ms)
        .await
        .unwrap();
    assert!(later.id > first.id);
    let again = store
        .create(keyed("other", "key"), NOW_MS + day_ms + 1)
        .await
        .unwrap();
    assert_eq!(again, later);
}

pub(crate) async fn of_more_keys_than_are_kept_the_oldest_go(engine: &Engine) {
    let limits = Limits {
        keys: 100,
        ..Limits::default()
    };
    let store = engine.open_with(limits).await.unwrap();
    let create = |number: usize| {
        let (store, task) = (store.clone(), keyed("x", &format!("key {number}")));
        async move { store.create(task, NOW_MS).await.unwrap().id }
    };
    let mut ids = Vec::new();
    for number in 0..200 {
        ids.push(create(number).await);
    }
    assert_eq!((create(199).await, create(180).await), (ids[199], ids[180]));
    for forgotten in [0, 99] {
        assert!(create(forgotten).await > ids[199], "{forgotten}");
    }
}
