//! What processes promise each other that work on one database at the same time.

use std::time::Duration;

use muster_tasks::selection::Selection;
use muster_tasks::task::Status;
use muster_testkit::{MariaDb, eventually};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::engine::{Engine, NOW_MS, create, keyed, set};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

async fn engine(server: &MariaDb) -> Engine {
    Engine::mariadb(server, "shared").await
}

#[tokio::test]
async fn processes_that_start_at_one_time_make_one_schema_with_demo_tasks_once() {
    let server = MariaDb::start().await;
    let engine = engine(&server).await;
    let (a, b, c) = tokio::join!(engine.open(), engine.open(), engine.open());
    let demo = a.list(Selection::default()).await.unwrap().tasks;
    assert_eq!(demo.len(), 6);
    let new = create(&b, "x").await;
    assert_eq!(c.task(new.id).await.unwrap(), Some(new));
}

#[tokio::test]
async fn tasks_that_wait_in_a_database_from_before_there_were_traces_are_still_to_be_told() {
    let server = MariaDb::start().await;
    let engine = engine(&server).await;
    let store = engine.open().await;
    let id = create(&store, "x").await.id;
    let done = set(&store, id, Status::Completed).await.unwrap();
    store.close().await;
    let as_it_was = "USE shared;
        ALTER TABLE outbox DROP COLUMN traceparent, DROP COLUMN tracestate;
        DELETE FROM muster_steps WHERE name = 'outbox trace';
        SELECT COUNT(*) FROM muster_steps";
    assert_eq!(server.sql(as_it_was).await.trim(), "8");

    let waiting = engine.open().await.outbox(10).await.unwrap();
    assert_eq!((waiting.len(), &waiting[0].task), (1, &done));
    assert_eq!(waiting[0].trace, None);
}

#[tokio::test]
async fn tasks_of_one_key_that_two_processes_create_at_one_time_are_one() {
    let server = MariaDb::start().await;
    let engine = engine(&server).await;
    let (a, b) = (engine.open().await, engine.open().await);
    let mut creating = JoinSet::new();
    for number in 0..100 {
        let store = if number % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        let task = keyed("x", &format!("key {}", number / 10));
        creating.spawn(async move { store.create(task, NOW_MS).await.unwrap().id });
    }
    let mut ids = creating.join_all().await;
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 10);
}

#[tokio::test]
async fn a_task_that_two_processes_complete_and_open_waits_once_for_each_time_it_was_completed() {
    let server = MariaDb::start().await;
    let engine = engine(&server).await;
    let (a, b) = (engine.open().await, engine.open().await);
    let id = create(&a, "x").await.id;
    let mut changing = JoinSet::new();
    for number in 0..60 {
        let store = if number % 2 == 0 {
            a.clone()
        } else {
            b.clone()
        };
        let status = match number % 3 {
            0 => Status::Open,
            _ => Status::Completed,
        };
        changing.spawn(async move { set(&store, id, status).await.unwrap() });
    }
    let mut completions: Vec<i64> = changing
        .join_all()
        .await
        .into_iter()
        .filter(|task| task.status() == Status::Completed)
        .map(|task| task.version)
        .collect();
    completions.sort_unstable();
    completions.dedup();
    let waiting = a.outbox(1000).await.unwrap();
    let versions: Vec<i64> = waiting.iter().map(|one| one.task.version).collect();
    assert_eq!(versions, completions);
}

#[tokio::test]
async fn of_two_processes_one_empties_the_outbox_until_it_stops_or_its_lease_ends() {
    let server = MariaDb::start().await;
    let engine = engine(&server).await;
    let (a, b) = (engine.open().await, engine.open().await);
    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    assert!(a.lead(one, LONG).await.unwrap());
    assert!(!b.lead(other, LONG).await.unwrap());
    assert!(a.lead(one, LONG).await.unwrap());
    b.stop_leading(other).await.unwrap();
    assert!(!b.lead(other, LONG).await.unwrap());
    a.stop_leading(one).await.unwrap();
    assert!(b.lead(other, SHORT).await.unwrap());
    assert!(!a.lead(one, LONG).await.unwrap());
    eventually(LONG, async || {
        a.lead(one, LONG).await.unwrap().then_some(())
    })
    .await;
    assert!(!b.lead(other, SHORT).await.unwrap());
}
