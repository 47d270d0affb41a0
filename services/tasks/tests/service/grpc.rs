//! `muster.tasks.v1`.

use muster_proto::muster::tasks::v1::{
    CreateTaskRequest, DeleteTaskRequest, GetTaskRequest, ListTasksRequest, Task, TaskStatus,
    UpdateTaskRequest,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::Tasks;

async fn create(tasks: &Tasks, content: &str, idempotency_key: &str) -> Result<Task, Status> {
    let request = CreateTaskRequest {
        user_id: 9,
        content: content.to_owned(),
        idempotency_key: idempotency_key.to_owned(),
    };
    let created = tasks.client.clone().create_task(request).await?;
    Ok(created.into_inner().task.unwrap())
}

async fn get(tasks: &Tasks, id: i64) -> Result<Task, Status> {
    let found = tasks.client.clone().get_task(GetTaskRequest { id }).await?;
    Ok(found.into_inner().task.unwrap())
}

async fn update(tasks: &Tasks, request: UpdateTaskRequest) -> Result<Task, Status> {
    let updated = tasks.client.clone().update_task(request).await?;
    Ok(updated.into_inner().task.unwrap())
}

async fn delete(tasks: &Tasks, id: i64, etag: &str) -> Result<(), Status> {
    let etag = etag.to_owned();
    let mut client = tasks.client.clone();
    let deleted = client.delete_task(DeleteTaskRequest { id, etag });
    deleted.await.map(drop)
}

fn completed(id: i64, etag: &str) -> UpdateTaskRequest {
    UpdateTaskRequest {
        id,
        status: TaskStatus::Completed.into(),
        content: None,
        etag: etag.to_owned(),
    }
}

#[track_caller]
fn is_invalid<T: std::fmt::Debug>(result: Result<T, Status>, field: &str) {
    let status = result.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let details = status.get_details_bad_request().unwrap();
    assert_eq!(details.field_violations[0].field, field);
}

#[tokio::test]
async fn both_apis_show_the_same_tasks() {
    let tasks = Tasks::start().await;
    let created = create(&tasks, "x", "").await.unwrap();
    assert_eq!((created.status(), created.user_id), (TaskStatus::Open, 9));
    assert!(created.completed_at.is_none());
    assert_eq!(get(&tasks, created.id).await.unwrap(), created);

    let path = format!("/tasks/{}", created.id);
    let answer = tasks.get(&path).await;
    assert_eq!(answer.body["content"], "x");
    assert_eq!(
        answer.header("etag"),
        Some(&*format!("\"{}\"", created.etag))
    );
    let millis = created.created_at.unwrap().nanos / 1_000_000;
    let written = answer.body["createdAt"].as_str().unwrap();
    assert!(written.ends_with(&format!(".{millis:03}Z")), "{written}");

    let changed = tasks.patch(&path, r#"{"status":1,"content":"y"}"#).await;
    let found = get(&tasks, created.id).await.unwrap();
    assert_eq!(
        (found.status(), found.content.as_str()),
        (TaskStatus::Completed, "y")
    );
    assert_eq!(
        changed.header("etag"),
        Some(&*format!("\"{}\"", found.etag))
    );
    assert!(found.completed_at.is_some());
}

#[tokio::test]
async fn only_what_is_said_is_changed() {
    let tasks = Tasks::start().await;
    let task = create(&tasks, "x", "").await.unwrap();
    let nothing = UpdateTaskRequest {
        id: task.id,
        ..UpdateTaskRequest::default()
    };
    assert_eq!(update(&tasks, nothing).await.unwrap(), task);
    let done = update(&tasks, completed(task.id, "")).await.unwrap();
    assert_eq!(
        (done.status(), done.content.as_str()),
        (TaskStatus::Completed, "x")
    );
    assert_eq!(update(&tasks, completed(task.id, "")).await.unwrap(), done);
    let content = UpdateTaskRequest {
        id: task.id,
        content: Some("y".to_owned()),
        ..UpdateTaskRequest::default()
    };
    let changed = update(&tasks, content).await.unwrap();
    assert_eq!(
        (changed.content.as_str(), changed.completed_at),
        ("y", done.completed_at)
    );
}

#[tokio::test]
async fn an_old_etag_changes_nothing() {
    let tasks = Tasks::start().await;
    let task = create(&tasks, "x", "").await.unwrap();
    let done = update(&tasks, completed(task.id, &task.etag))
        .await
        .unwrap();
    for refused in [
        update(&tasks, completed(task.id, &task.etag))
            .await
            .map(drop),
        delete(&tasks, task.id, &task.etag).await,
    ] {
        assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
    }
    delete(&tasks, task.id, &done.etag).await.unwrap();
    for missing in [
        get(&tasks, task.id).await.map(drop),
        update(&tasks, completed(task.id, "")).await.map(drop),
        delete(&tasks, task.id, "").await,
    ] {
        assert_eq!(missing.unwrap_err().code(), Code::NotFound);
    }
}

#[tokio::test]
async fn a_key_names_one_task_whichever_api_it_comes_by() {
    let tasks = Tasks::start().await;
    let first = create(&tasks, "x", "one").await.unwrap();
    assert_eq!(create(&tasks, "x", "one").await.unwrap(), first);
    let body = r#"{"user_id":9,"content":"x"}"#;
    let again = tasks
        .call("POST", "/tasks", &["Idempotency-Key: one"], body)
        .await;
    assert_eq!(again.id(), first.id);
    let other = create(&tasks, "y", "one").await.unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists);
    delete(&tasks, first.id, "").await.unwrap();
    let gone = create(&tasks, "x", "one").await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
}

#[tokio::test]
async fn pages_lead_through_a_list() {
    let tasks = Tasks::start().await;
    let mut created = Vec::new();
    for number in 0..5 {
        created.push(create(&tasks, &format!("task {number}"), "").await.unwrap());
    }
    created[4] = update(&tasks, completed(created[4].id, "")).await.unwrap();
    let mut client = tasks.client.clone();
    let mut request = ListTasksRequest {
        user_id: 9,
        status: TaskStatus::Open.into(),
        page_size: 3,
        page_token: String::new(),
    };
    let first = client
        .list_tasks(request.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(first.tasks, created[..3]);
    request.page_token = first.next_page_token;
    let last = client.list_tasks(request).await.unwrap().into_inner();
    assert_eq!(
        (last.tasks.as_slice(), &*last.next_page_token),
        (&created[3..4], "")
    );
    let all = client
        .list_tasks(ListTasksRequest::default())
        .await
        .unwrap();
    assert_eq!(all.into_inner().tasks.len(), 6 + 5);
}

#[tokio::test]
async fn a_bad_request_is_answered_with_the_field() {
    let tasks = Tasks::start().await;
    let long = "x".repeat(10_001);
    is_invalid(create(&tasks, "", "").await, "content");
    is_invalid(create(&tasks, &long, "").await, "content");
    is_invalid(create(&tasks, "x", "\n").await, "idempotency_key");
    let mut client = tasks.client.clone();
    let nobodys = CreateTaskRequest {
        content: "x".to_owned(),
        ..CreateTaskRequest::default()
    };
    is_invalid(client.create_task(nobodys).await, "user_id");
    is_invalid(get(&tasks, 0).await, "id");
    is_invalid(delete(&tasks, -1, "").await, "id");
    is_invalid(update(&tasks, completed(0, "")).await, "id");
    let unknown = UpdateTaskRequest {
        status: 7,
        ..completed(1, "")
    };
    is_invalid(update(&tasks, unknown).await, "status");
    let list = ListTasksRequest::default;
    let lists = [
        (
            "user_id",
            ListTasksRequest {
                user_id: -1,
                ..list()
            },
        ),
        (
            "status",
            ListTasksRequest {
                status: -1,
                ..list()
            },
        ),
        (
            "page_size",
            ListTasksRequest {
                page_size: 1001,
                ..list()
            },
        ),
        (
            "page_size",
            ListTasksRequest {
                page_size: -1,
                ..list()
            },
        ),
        (
            "page_token",
            ListTasksRequest {
                page_token: "x".to_owned(),
                ..list()
            },
        ),
    ];
    for (field, request) in lists {
        is_invalid(client.list_tasks(request).await, field);
    }
}
