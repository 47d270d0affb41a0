//! Lists, page by page.

use muster_tasks::selection::Selection;
use muster_tasks::task::{Precondition, Status};
use tokio::task::JoinSet;

use crate::engine::{Engine, NOW_MS, USER, all, completed, create, new_task};

pub(crate) async fn pages_of_a_list_hold_each_task_once_in_order(engine: &Engine) {
    let store = engine.open().await;
    let mut created = Vec::new();
    for number in 0..7 {
        created.push(create(&store, &format!("task {number}")).await);
    }
    for limit in [1, 2, 3, 7, 8, 1000] {
        assert_eq!(all(&store, limit).await, created, "{limit}");
    }
}

pub(crate) async fn a_list_is_of_a_user_a_status_or_both(engine: &Engine) {
    let store = engine.open().await;
    let (open, done) = (create(&store, "open").await, create(&store, "done").await);
    let done = store
        .change(done.id, completed(), Precondition::None, NOW_MS)
        .await
        .unwrap();
    let list = |user_id, status| {
        let selection = Selection {
            user_id,
            status,
            ..Selection::default()
        };
        let store = store.clone();
        async move { store.list(selection).await.unwrap().tasks }
    };
    let both = [open, done];
    assert_eq!(list(Some(USER), Some(Status::Open)).await, both[..1]);
    assert_eq!(list(Some(USER), Some(Status::Completed)).await, both[1..]);
    assert_eq!(list(None, Some(Status::Completed)).await, both[1..]);
    assert_eq!(list(Some(USER), None).await, both);
    assert_eq!(list(Some(USER + 1), None).await, []);
}

pub(crate) async fn a_page_of_long_tasks_ends_before_it_is_too_long_for_a_message(engine: &Engine) {
    let store = engine.open().await;
    let content = "x".repeat(10_000);
    let mut creating = JoinSet::new();
    for _ in 0..250 {
        let (store, task) = (store.clone(), new_task(&content));
        creating.spawn(async move { store.create(task, NOW_MS).await.unwrap() });
    }
    creating.join_all().await;
    let selection = Selection {
        user_id: Some(USER),
        limit: 1000,
        ..Selection::default()
    };
    let page = store.list(selection).await.unwrap();
    assert!(page.tasks.len() < 250 && page.next.is_some());
    assert_eq!(all(&store, 1000).await.len(), 250);
}
