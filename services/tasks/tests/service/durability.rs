//! The binary, killed in the middle of its work.

use std::collections::{BTreeMap, BTreeSet};

use muster_kit::channel::Channel;
use muster_proto::muster::tasks::v1::tasks_service_client::TasksServiceClient;
use muster_proto::muster::tasks::v1::{CreateTaskRequest, GetTaskRequest, ListTasksRequest};
use muster_testkit::{MariaDb, Service};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

const ROUNDS: usize = 3;
const CALLERS: usize = 8;
const ACKNOWLEDGED: usize = 100;
/// Of no demo task.
const USER: i64 = 77;

type Tasks = TasksServiceClient<Channel>;

/// A task that says its key.
fn request(key: String) -> CreateTaskRequest {
    CreateTaskRequest {
        user_id: USER,
        content: key.clone(),
        idempotency_key: key,
    }
}

/// Creates tasks until the service is gone, tells of each that was acknowledged, and returns the
/// key of the last, which may be stored or not.
async fn create_until_gone(
    mut tasks: Tasks,
    caller: String,
    acknowledged: mpsc::Sender<(String, i64)>,
) -> String {
    let mut number = 0;
    loop {
        let key = format!("{caller}.{number}");
        let Ok(created) = tasks.create_task(request(key.clone())).await else {
            return key;
        };
        let id = created.into_inner().task.unwrap().id;
        acknowledged.send((key, id)).await.unwrap();
        number += 1;
    }
}

/// What was acknowledged before the kill, and the keys of which nobody knows.
async fn kill_at_work(
    mut kill: impl FnMut(),
    tasks: Tasks,
    round: &str,
) -> (BTreeMap<String, i64>, Vec<String>) {
    let (sender, mut acknowledged) = mpsc::channel(ACKNOWLEDGED);
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let name = format!("{round}.{caller}");
        callers.spawn(create_until_gone(tasks.clone(), name, sender.clone()));
    }
    drop(sender);
    let mut ids = BTreeMap::new();
    while let Some((key, id)) = acknowledged.recv().await {
        ids.insert(key, id);
        if ids.len() == ACKNOWLEDGED {
            kill();
        }
    }
    (ids, callers.join_all().await)
}

/// The contents of all tasks of the user.
async fn contents(mut tasks: Tasks) -> Vec<String> {
    let mut request = ListTasksRequest {
        user_id: USER,
        page_size: 1000,
        ..ListTasksRequest::default()
    };
    let mut contents = Vec::new();
    loop {
        let page = tasks
            .list_tasks(request.clone())
            .await
            .unwrap()
            .into_inner();
        contents.extend(page.tasks.into_iter().map(|task| task.content));
        if page.next_page_token.is_empty() {
            return contents;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_a_repetition_makes_no_second_task() {
    survives(Service::start("muster-tasks", &[]).await).await;
}

#[tokio::test]
async fn what_was_acknowledged_on_a_mariadb_survives_a_kill_of_it_and_of_the_service() {
    let mut server = MariaDb::start().await;
    let url = server.url("tasks").await;
    let mut service = Service::start("muster-tasks", &["--store", &url]).await;
    let mut tasks = Tasks::new(Channel::to(&service.addr()));
    let (acknowledged, _) = kill_at_work(|| server.kill(), tasks.clone(), "database").await;
    server.restart().await;
    service.wait_ready().await;
    for (key, id) in acknowledged {
        let found = tasks.get_task(GetTaskRequest { id }).await.unwrap();
        assert_eq!(found.into_inner().task.unwrap().content, key);
    }
    service.process().sigkill();
    server.sql("DELETE FROM tasks.tasks").await;
    service.restart().await;
    survives(service).await;
}

async fn survives(mut service: Service) {
    let mut keys = BTreeSet::new();
    for round in 0..ROUNDS {
        let tasks = Tasks::new(Channel::to(&service.addr()));
        let kill = || service.process().sigkill();
        let (acknowledged, unknown) = kill_at_work(kill, tasks, &round.to_string()).await;
        assert!(acknowledged.len() >= ACKNOWLEDGED);
        assert_eq!(unknown.len(), CALLERS);
        service.restart().await;
        let mut tasks = Tasks::new(Channel::to(&service.addr()));
        for (key, id) in acknowledged {
            let found = tasks.get_task(GetTaskRequest { id }).await.unwrap();
            assert_eq!(found.into_inner().task.unwrap().content, key);
            let again = tasks.create_task(request(key.clone())).await.unwrap();
            assert_eq!(again.into_inner().task.unwrap().id, id);
            keys.insert(key);
        }
        for key in unknown {
            tasks.create_task(request(key.clone())).await.unwrap();
            keys.insert(key);
        }
        let stored = contents(tasks).await;
        assert_eq!(stored.len(), keys.len());
        assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), keys);
    }
}
