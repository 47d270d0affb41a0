//! What every engine of the store promises.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use muster_kit::health::Health;
use muster_kit::store::StoreUrl;
use muster_kit::store::sqlite::WriteError;
use muster_tasks::error::Error;
use muster_tasks::input::{Content, Key, NewTask};
use muster_tasks::selection::Selection;
use muster_tasks::store::{KEY_LIFETIME, MAX_KEYS, Store};
use muster_tasks::task::{Change, Precondition, Refusal, Status, Task};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// When things happen here, in milliseconds since the Unix epoch.
const NOW_MS: i64 = 1_704_214_800_000;
/// A user of none of the demo data.
const USER: i64 = 77;

/// A store that can be opened again.
struct Engine {
    url: StoreUrl,
    _folder: TempDir,
}

/// An empty store of each kind.
fn engines() -> Vec<Engine> {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("tasks.db"));
    vec![Engine {
        url,
        _folder: folder,
    }]
}

impl Engine {
    async fn open(&self) -> Store {
        self.open_for(MAX_KEYS).await.unwrap()
    }

    async fn open_for(&self, max_keys: u32) -> Result<Store, Error> {
        Store::open(&self.url, max_keys, Health::default().need("store")).await
    }
}

fn new_task(content: &str) -> NewTask {
    NewTask::new(USER, Content::parse(content).unwrap(), None).unwrap()
}

fn keyed(content: &str, key: &str) -> NewTask {
    let key = Key::parse("key", key).unwrap();
    NewTask::new(USER, Content::parse(content).unwrap(), Some(key)).unwrap()
}

async fn create(store: &Store, content: &str) -> Task {
    store.create(new_task(content), NOW_MS).await.unwrap()
}

fn completed() -> Change {
    Change {
        status: Some(Status::Completed),
        content: None,
    }
}

fn of(task: &Task) -> Precondition {
    Precondition::OneOf(vec![task.etag()])
}

/// All tasks of the user, by pages of this many.
async fn all(store: &Store, limit: u32) -> Vec<Task> {
    let mut selection = Selection {
        user_id: Some(USER),
        limit,
        ..Selection::default()
    };
    let mut tasks = Vec::new();
    loop {
        let page = store.list(selection).await.unwrap();
        tasks.extend(page.tasks);
        match page.next {
            Some(next) => selection.after = next,
            None => return tasks,
        }
    }
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Refusal {
    match result {
        Err(Error::Refused(refusal)) => refusal,
        other => panic!("expected a refusal: {other:?}"),
    }
}

#[tokio::test]
async fn an_empty_store_has_demo_tasks_once() {
    for engine in engines() {
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
}

#[tokio::test]
async fn a_task_is_there_as_it_was_created_after_a_reopening() {
    for engine in engines() {
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
}

#[tokio::test]
async fn a_change_is_made_once_and_told() {
    for engine in engines() {
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
}

#[tokio::test]
async fn a_task_that_has_changed_is_neither_changed_nor_deleted_by_its_old_etag() {
    for engine in engines() {
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
}

#[tokio::test]
async fn of_changes_that_expect_the_same_version_one_is_made() {
    for engine in engines() {
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
}

#[tokio::test]
async fn what_is_not_there_is_neither_changed_nor_deleted() {
    for engine in engines() {
        let store = engine.open().await;
        for id in [0, -1, 4711, i64::MAX] {
            let changed = store.change(id, completed(), Precondition::None, NOW_MS);
            assert_eq!(refused(changed.await), Refusal::NoSuchTask);
            let deleted = store.delete(id, Precondition::None);
            assert_eq!(refused(deleted.await), Refusal::NoSuchTask);
        }
    }
}

#[tokio::test]
async fn the_id_of_a_deleted_task_never_comes_back() {
    for engine in engines() {
        let store = engine.open().await;
        let newest = create(&store, "x").await;
        store.delete(newest.id, Precondition::None).await.unwrap();
        store.close().await;
        drop(store);
        let store = engine.open().await;
        assert!(create(&store, "y").await.id > newest.id);
        assert_eq!(store.task(newest.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn pages_of_a_list_hold_each_task_once_in_order() {
    for engine in engines() {
        let store = engine.open().await;
        let mut created = Vec::new();
        for number in 0..7 {
            created.push(create(&store, &format!("task {number}")).await);
        }
        for limit in [1, 2, 3, 7, 8, 1000] {
            assert_eq!(all(&store, limit).await, created, "{limit}");
        }
    }
}

#[tokio::test]
async fn a_list_is_of_a_user_a_status_or_both() {
    for engine in engines() {
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
}

#[tokio::test]
async fn a_page_of_long_tasks_ends_before_it_is_too_long_for_a_message() {
    for engine in engines() {
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
}

#[tokio::test]
async fn a_task_that_is_created_again_with_its_key_is_the_same() {
    for engine in engines() {
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
}

#[tokio::test]
async fn the_key_of_a_deleted_task_makes_no_other() {
    for engine in engines() {
        let store = engine.open().await;
        let first = store.create(keyed("x", "key"), NOW_MS).await.unwrap();
        store.delete(first.id, Precondition::None).await.unwrap();
        let again = store.create(keyed("x", "key"), NOW_MS).await;
        assert_eq!(refused(again), Refusal::Deleted);
        assert_eq!(all(&store, 10).await, []);
    }
}

#[tokio::test]
async fn tasks_of_one_key_that_come_at_one_time_are_one() {
    for engine in engines() {
        let store = engine.open().await;
        let mut creating = JoinSet::new();
        for _ in 0..50 {
            let store = store.clone();
            creating
                .spawn(async move { store.create(keyed("x", "key"), NOW_MS).await.unwrap().id });
        }
        let mut ids = creating.join_all().await;
        ids.dedup();
        assert_eq!((ids.len(), all(&store, 10).await.len()), (1, 1));
    }
}

#[tokio::test]
async fn a_key_is_known_for_a_day() {
    let day_ms = i64::try_from(KEY_LIFETIME.as_millis()).unwrap();
    for engine in engines() {
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
}

#[tokio::test]
async fn of_more_keys_than_are_kept_the_oldest_go() {
    for engine in engines() {
        let store = engine.open_for(100).await.unwrap();
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
}

#[tokio::test]
async fn of_more_writes_than_can_wait_some_are_turned_away_and_the_others_stored() {
    for engine in engines() {
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
}

#[tokio::test]
async fn an_open_store_is_not_opened_a_second_time() {
    for engine in engines() {
        let store = engine.open().await;
        assert!(engine.open_for(MAX_KEYS).await.is_err());
        store.close().await;
        drop(store);
        engine.open().await;
    }
}
