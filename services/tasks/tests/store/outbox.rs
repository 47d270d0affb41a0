//! Completed tasks that wait for the bus.

use muster_tasks::completion::Completion;
use muster_tasks::input::Content;
use muster_tasks::store::{Limits, Store};
use muster_tasks::task::{Change, Precondition, Refusal, Status, Task};
use tokio::task::JoinSet;

use crate::engine::{Engine, NOW_MS, create, refused, set};

async fn waiting(store: &Store) -> Vec<Completion> {
    store.outbox(1000).await.unwrap()
}

async fn tasks_waiting(store: &Store) -> Vec<Task> {
    let waiting = waiting(store).await;
    waiting.into_iter().map(|one| one.task).collect()
}

pub(crate) async fn a_completed_task_waits_in_the_outbox_as_it_was_until_it_is_removed(
    engine: &Engine,
) {
    let store = engine.open().await;
    let task = create(&store, "x\0 ü").await;
    let done = set(&store, task.id, Status::Completed).await.unwrap();
    let other = create(&store, "y").await;
    let other = set(&store, other.id, Status::Completed).await.unwrap();
    store.delete(task.id, Precondition::None).await.unwrap();
    store.close().await;
    drop(store);

    let store = engine.open().await;
    assert_eq!(store.waiting().await.unwrap(), 2);
    let first = store.outbox(1).await.unwrap();
    assert_eq!(first[0].task, done);
    assert_eq!(first[0].id.get_version_num(), 7);
    assert_eq!(store.outbox(1).await.unwrap(), first);
    store.remove(&first).await.unwrap();
    // Again, as after a failure that was none.
    store.remove(&first).await.unwrap();
    assert_eq!(tasks_waiting(&store).await, [other]);
    store.remove(&waiting(&store).await).await.unwrap();
    assert_eq!(store.waiting().await.unwrap(), 0);
}

pub(crate) async fn a_task_that_is_completed_again_waits_again_behind_the_first(engine: &Engine) {
    let store = engine.open().await;
    let id = create(&store, "x").await.id;
    let first = set(&store, id, Status::Completed).await.unwrap();
    set(&store, id, Status::Open).await.unwrap();
    let second = set(&store, id, Status::Completed).await.unwrap();
    assert_eq!(tasks_waiting(&store).await, [first, second]);
    let waiting = waiting(&store).await;
    assert!(waiting[0].id != waiting[1].id && waiting[0].position < waiting[1].position);
}

pub(crate) async fn what_does_not_complete_a_task_adds_nothing_to_the_outbox(engine: &Engine) {
    let store = engine.open().await;
    let id = create(&store, "x").await.id;
    set(&store, id, Status::Open).await.unwrap();
    let rewritten = || Change {
        status: None,
        content: Some(Content::parse("y").unwrap()),
    };
    let rewrite = |change| store.change(id, change, Precondition::None, NOW_MS);
    rewrite(rewritten()).await.unwrap();
    assert_eq!(waiting(&store).await, []);

    set(&store, id, Status::Completed).await.unwrap();
    set(&store, id, Status::Completed).await.unwrap();
    rewrite(rewritten()).await.unwrap();
    let old = Precondition::OneOf(vec!["1".to_owned()]);
    let refusal = store.change(id, Change::default(), old, NOW_MS).await;
    assert_eq!(refused(refusal), Refusal::Changed);
    assert_eq!(waiting(&store).await.len(), 1);
}

pub(crate) async fn a_task_that_is_completed_by_many_at_one_time_waits_once(engine: &Engine) {
    let store = engine.open().await;
    let id = create(&store, "x").await.id;
    let mut completing = JoinSet::new();
    for _ in 0..50 {
        let store = store.clone();
        completing.spawn(async move { set(&store, id, Status::Completed).await.unwrap() });
    }
    let mut all = completing.join_all().await;
    all.dedup();
    assert_eq!(tasks_waiting(&store).await, all);
}

pub(crate) async fn where_as_many_wait_as_may_no_task_is_completed(engine: &Engine) {
    let limits = Limits {
        outbox: 3,
        ..Limits::default()
    };
    let store = engine.open_with(limits).await.unwrap();
    for number in 0..3 {
        let id = create(&store, &format!("task {number}")).await.id;
        set(&store, id, Status::Completed).await.unwrap();
    }
    let open = create(&store, "one more").await;
    let full = set(&store, open.id, Status::Completed).await;
    assert_eq!(refused(full), Refusal::OutboxFull);
    assert_eq!(store.task(open.id).await.unwrap(), Some(open.clone()));
    assert_eq!(waiting(&store).await.len(), 3);

    store.remove(&waiting(&store).await[..1]).await.unwrap();
    let done = set(&store, open.id, Status::Completed).await.unwrap();
    assert_eq!(tasks_waiting(&store).await[2], done);
}

pub(crate) async fn whoever_waits_for_completed_tasks_is_told(engine: &Engine) {
    let store = engine.open().await;
    let id = create(&store, "x").await.id;
    let (done, ()) = tokio::join!(
        set(&store, id, Status::Completed),
        store.completed().notified()
    );
    assert_eq!(tasks_waiting(&store).await, [done.unwrap()]);
}
