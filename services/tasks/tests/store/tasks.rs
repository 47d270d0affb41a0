//! Tasks, and what becomes of them.

use muster_kit::store::WriteError;
use muster_tasks::error::Error;
use muster_tasks::input::Content;
use muster_tasks::selection::Selection;
use muster_tasks::store::Limits;
use muster_tasks::task::{Change, Precondition, Refusal, Status};
use tokio::task::JoinSet;

use crate::engine::{Engine, NOW_MS, USER, all, completed, create, new_task, of, refused};

pub(crate) async fn an_empty_store_has_demo_tasks_once(engine: &Engine) {
    let store = engine.open().await;
    let first = store.task(1).await.unwrap().unwrap();
    assert_eq!(
        (first.user_id, first.status(), first.version),
        (1, Status::Open, 1)
    );
    assert!(first.created_at_ms > NOW_MS);
    let demo = store.list(Selection::default()).await.unwrap().tasks;
    for task in &demo {
        store.delete(task.id, Precondition::None).await.unwrap();
    }
    store.close().await;
    drop(store);
    let store = engine.open().await;
    assert_eq!(store.list(Selection::default()).await.unwrap().tasks, []);
}

pub(crate) async fn a_task_is_there_as_it_was_created_after_a_reopening(engine: &Engine) {
    let store = engine.open().await;
    let task = create(&store, "Water the plants\0 'and' \"so\" ü").await;
    assert_eq!((task.user_id, task.created_at_ms), (USER, NOW_MS));
    assert_eq!((task.completed_at_ms, task.version), (None, 1));
    store.close().await;
    drop(store);
    let store = engine.open().await;
    assert_eq!(store.task(task.id).await.unwrap(), Some(task.clone()));
    assert_eq!(store.task(task.id + 1).await.unwrap(), None);
    assert_eq!(all(&store, 10).await, [task]);
}

pub(crate) async fn a_change_is_made_once_and_told(engine: &Engine) {
    let store = engine.open().await;
    let task = create(&store, "x").await;
    let change = |change, at_ms| store.change(task.id, change, Precondition::None, at_ms);
    let first = change(completed(), NOW_MS + 5).await.unwrap();
    assert_eq!(
        (first.completed_at_ms, first.version),
        (Some(NOW_MS + 5), 2)
    );
    assert_eq!(change(completed(), NOW_MS + 9).await.unwrap(), first);
    assert_eq!(store.task(task.id).await.unwrap(), Some(first));

    let reopened = Change {
        status: Some(Status::Open),
        content: Some(Content::parse("y").unwrap()),
    };
    let changed = change(reopened, NOW_MS + 10).await.unwrap();
    assert_eq!(
        (changed.content.as_str(), changed.completed_at_ms),
        ("y", None)
    );
    assert_eq!(store.task(task.id).await.unwrap(), Some(changed));
}

pub(crate) async fn a_task_that_has_changed_is_neither_changed_nor_deleted_by_its_old_etag(
    engine: &Engine,
) {
    let store = engine.open().await;
    let task = create(&store, "x").await;
    let now = store
        .change(task.id, completed(), of(&task), NOW_MS)
        .await
        .unwrap();
    let old = store
        .change(task.id, Change::default(), of(&task), NOW_MS)
        .await;
    assert_eq!(refused(old), Refusal::Changed);
    assert_eq!(
        refused(store.delete(task.id, of(&task)).await),
        Refusal::Changed
    );
    assert_eq!(store.task(task.id).await.unwrap(), Some(now.clone()));
    store.delete(task.id, of(&now)).await.unwrap();
    assert_eq!(store.task(task.id).await.unwrap(), None);
}

pub(crate) async fn of_changes_that_expect_the_same_version_one_is_made(engine: &Engine) {
    let store = engine.open().await;
    let task = create(&store, "x").await;
    let mut changing = JoinSet::new();
    for number in 0..50 {
        let (store, id, expected) = (store.clone(), task.id, of(&task));
        let change = Change {
            status: None,
            content: Some(Content::parse(&format!("by {number}")).unwrap()),
        };
        changing.spawn(async move { store.change(id, change, expected, NOW_MS).await });
    }
    let results = changing.join_all().await;
    let mut made = results.iter().filter_map(|result| result.as_ref().ok());
    let winner = made.next().unwrap();
    assert_eq!((made.count(), winner.version), (0, 2));
    assert_eq!(store.task(task.id).await.unwrap().as_ref(), Some(winner));
}

pub(crate) async fn what_is_not_there_is_neither_changed_nor_deleted(engine: &Engine) {
    let store = engine.open().await;
    for id in [0, -1, 4711, i64::MAX] {
        let changed = store.change(id, completed(), Precondition::None, NOW_MS);
        assert_eq!(refused(changed.await), Refusal::NoSuchTask);
        let deleted = store.delete(id, Precondition::None);
        assert_eq!(refused(deleted.await), Refusal::NoSuchTask);
    }
}

pub(crate) async fn the_id_of_a_deleted_task_never_comes_back(engine: &Engine) {
    let store = engine.open().await;
    let newest = create(&store, "x").await;
    store.delete(newest.id, Precondition::None).await.unwrap();
    store.close().await;
    drop(store);
    let store = engine.open().await;
    assert!(create(&store, "y").await.id > newest.id);
    assert_eq!(store.task(newest.id).await.unwrap(), None);
}

pub(crate) async fn of_more_writes_than_can_wait_some_are_turned_away_and_the_others_stored(
    engine: &Engine,
) {
    let store = engine.open().await;
    let mut creating = JoinSet::new();
    for number in 0..3000 {
        let (store, task) = (store.clone(), new_task(&format!("task {number}")));
        creating.spawn(async move { store.create(task, NOW_MS).await });
    }
    let (mut stored, mut turned_away) = (0, 0);
    for created in creating.join_all().await {
        match created {
            Ok(_) => stored += 1,
            Err(Error::Write(why)) if matches!(*why, WriteError::Busy) => turned_away += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(turned_away > 0);
    assert_eq!(all(&store, 1000).await.len(), stored);
    create(&store, "later").await;
}

pub(crate) async fn a_store_that_is_one_processes_alone_is_not_opened_a_second_time(
    engine: &Engine,
) {
    let store = engine.open().await;
    assert!(engine.open_with(Limits::default()).await.is_err() == engine.is_exclusive());
    store.close().await;
    drop(store);
    engine.open().await;
}
