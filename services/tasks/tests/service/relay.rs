//! Completed tasks on their way to the broker, whatever is killed meanwhile.

mod ears;

use std::collections::BTreeMap;
use std::path::Path;

use muster_testkit::{MariaDb, RabbitMq, Service, eventually, get};
use serde_json::Value;

use crate::{SOON, Tasks};
use ears::{Ears, Heard};

const DONE: &str = r#"{"status":1}"#;
const OPEN: &str = r#"{"status":0}"#;

async fn start(store: &str, broker: Option<&RabbitMq>) -> Service {
    let url = broker.map(RabbitMq::url);
    let mut args = vec!["--store", store];
    args.extend(url.iter().flat_map(|url| ["--bus", url]));
    Service::start("muster-tasks", &args).await
}

fn sqlite(folder: &Path) -> String {
    format!("sqlite:{}/tasks.db", folder.display())
}

/// Sets the status of a task: the task as it is then.
async fn set(service: &Service, id: i64, status: &str) -> Value {
    let tasks = Tasks::at(service.addr());
    let answer = tasks.patch(&format!("/tasks/{id}"), status).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// A sample of a metric of the service.
async fn metric(service: &Service, name: &str) -> Option<String> {
    let (_, metrics) = get(&service.addr_of("admin"), "/metrics").await?;
    let mut samples = metrics.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = samples.find(|(of, _)| *of == name)?;
    Some(value.to_owned())
}

#[tokio::test]
async fn a_completed_task_is_told_once_to_outsiders_and_once_to_the_suite() {
    let broker = RabbitMq::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut service = start(&sqlite(folder.path()), Some(&broker)).await;
    let task = set(&service, 1, DONE).await;
    assert_eq!(set(&service, 1, DONE).await, task);
    // Sent after all that came before it.
    set(&service, 2, DONE).await;

    let ears = Ears::open(&broker).await;
    let (plain, events) = ears.until_heard(2).await;
    assert_eq!((plain.len(), events.len()), (2, 2));
    let Heard { id, body } = &plain[0];
    assert_eq!(body["task"], task);
    let message = body["message"].as_str().unwrap();
    assert!(
        message.starts_with("task 1 has been completed at "),
        "{message}"
    );
    assert!(
        message.ends_with(" GMT+0000 (Coordinated Universal Time)"),
        "{message}"
    );
    let event = &events[0];
    assert_eq!(
        (&event.id, &event.body["id"]),
        (id, &Value::from(id.as_str()))
    );
    assert_eq!(event.body["data"], *body);
    assert_eq!(event.body["type"], "muster.tasks.task.completed");
    assert_eq!(event.body["recipient"], "1");

    let logged = service.process().stderr() + &service.process().stdout();
    assert!(
        logged.contains(r#"Message published to \"tasks_completed\""#),
        "{logged}"
    );
    eventually(SOON, async || {
        (metric(&service, "tasks_outbox_waiting").await? == "0").then_some(())
    })
    .await;
    assert_eq!(metric(&service, "tasks_relayed_total").await.unwrap(), "2");
}

/// Completes tasks while the broker is away and kills the service: nothing is lost, and of one task all is in order.
async fn survives(store: &str) {
    let mut broker = RabbitMq::start().await;
    broker.kill();
    let mut service = start(store, Some(&broker)).await;
    let mut told: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for id in [1, 2, 1, 3, 1] {
        told.entry(id)
            .or_default()
            .push(set(&service, id, DONE).await);
        set(&service, id, OPEN).await;
    }
    let deleted = Tasks::at(service.addr())
        .call("DELETE", "/tasks/2", &[], "")
        .await;
    assert_eq!(deleted.status, 204);
    service.process().sigkill();
    broker.restart().await;
    service.restart().await;

    let ears = Ears::open(&broker).await;
    let (plain, events) = ears.until_heard(5).await;
    let data = events.iter().map(|event| &event.body["data"]);
    for heard in [
        plain.iter().map(|one| &one.body).collect(),
        data.collect::<Vec<_>>(),
    ] {
        let mut tasks: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
        for body in heard {
            let task = body["task"].clone();
            tasks
                .entry(task["id"].as_i64().unwrap())
                .or_default()
                .push(task);
        }
        assert_eq!(tasks, told);
    }
}

#[tokio::test]
async fn what_was_completed_before_a_kill_is_told_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    survives(&sqlite(folder.path())).await;
}

#[tokio::test]
async fn what_was_completed_before_a_kill_is_told_after_the_next_start_from_mariadb_too() {
    let server = MariaDb::start().await;
    survives(&server.url("tasks").await).await;
}

#[tokio::test]
async fn of_two_processes_on_one_database_the_other_tells_when_one_is_killed() {
    let (server, broker) = tokio::join!(MariaDb::start(), RabbitMq::start());
    let url = server.url("tasks").await;
    let mut first = start(&url, Some(&broker)).await;
    let ears = Ears::open(&broker).await;
    set(&first, 1, DONE).await;
    ears.until_heard(1).await;
    let second = start(&url, Some(&broker)).await;
    set(&second, 2, DONE).await;
    ears.until_heard(2).await;
    first.process().sigkill();
    set(&second, 3, DONE).await;
    let (plain, events) = ears.until_heard(3).await;
    assert_eq!((plain.len(), events.len()), (3, 3));
}

#[tokio::test]
async fn without_a_bus_completed_tasks_wait_until_there_is_one() {
    let broker = RabbitMq::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut service = start(&sqlite(folder.path()), None).await;
    let task = set(&service, 1, DONE).await;
    let logged = service.process().stderr() + &service.process().stdout();
    assert!(logged.contains("no --bus"), "{logged}");
    eventually(SOON, async || {
        (metric(&service, "tasks_outbox_waiting").await? == "1").then_some(())
    })
    .await;
    let age = metric(&service, "tasks_outbox_oldest_age_seconds").await;
    assert_eq!(age.as_deref(), Some("0"), "nobody is late");
    assert!(service.stop(SOON).await.success());
    let _service = start(&sqlite(folder.path()), Some(&broker)).await;
    let (plain, _) = Ears::open(&broker).await.until_heard(1).await;
    assert_eq!(plain[0].body["task"], task);
}

#[tokio::test]
async fn a_stop_waits_for_what_is_still_to_be_told() {
    let broker = RabbitMq::start().await;
    let folder = tempfile::tempdir().unwrap();
    let mut service = start(&sqlite(folder.path()), Some(&broker)).await;
    // Connected from here on.
    set(&service, 1, DONE).await;
    let ears = Ears::open(&broker).await;
    ears.until_heard(1).await;
    set(&service, 2, DONE).await;
    assert!(service.stop(SOON).await.success());
    ears.until_heard(2).await;
}
