//! Requests that are safe to repeat.

use serde_json::json;

use crate::{Answer, Tasks};

const BODY: &str = r#"{"user_id":9,"content":"x"}"#;

async fn post(tasks: &Tasks, key: &str, body: &str) -> Answer {
    let header = format!("Idempotency-Key: {key}");
    tasks.call("POST", "/tasks", &[&header], body).await
}

#[tokio::test]
async fn a_repeated_request_is_answered_with_the_task_that_it_created() {
    let tasks = Tasks::start().await;
    let first = post(&tasks, "\"one\"", BODY).await;
    assert_eq!(first.status, 201);
    for same in [BODY, r#"{ "content": "x", "user_id": 9 }"#] {
        let again = post(&tasks, "one", same).await;
        assert_eq!((again.status, &again.body), (201, &first.body));
        assert_eq!(again.header("location"), first.header("location"));
    }
    assert!(post(&tasks, "two", BODY).await.id() > first.id());
    assert!(tasks.post(BODY).await.id() > first.id());
    assert_eq!(
        tasks
            .get("/tasks?user_id=9")
            .await
            .body
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn a_repeated_request_tells_the_task_as_it_is_by_now() {
    let tasks = Tasks::start().await;
    let path = format!("/tasks/{}", post(&tasks, "one", BODY).await.id());
    let completed = tasks.patch(&path, r#"{"status":1}"#).await;
    let again = post(&tasks, "one", BODY).await;
    assert_eq!((again.status, &again.body), (201, &completed.body));
    tasks.call("DELETE", &path, &[], "").await;
    post(&tasks, "one", BODY).await.is_problem(410, &[]);
    assert_eq!(tasks.get("/tasks?user_id=9").await.body, json!([]));
}

#[tokio::test]
async fn a_key_is_not_used_for_two_tasks() {
    let tasks = Tasks::start().await;
    post(&tasks, "one", BODY).await;
    for other in [
        r#"{"user_id":9,"content":"y"}"#,
        r#"{"user_id":8,"content":"x"}"#,
    ] {
        post(&tasks, "one", other).await.is_problem(422, &[]);
    }
    assert_eq!(tasks.get("/tasks?user_id=8").await.body, json!([]));
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let tasks = Tasks::start().await;
    for key in ["\"\"", &"k".repeat(256), "sch\u{f6}n"] {
        post(&tasks, key, BODY)
            .await
            .is_problem(400, &["Idempotency-Key"]);
    }
    assert_eq!(tasks.get("/tasks?user_id=9").await.body, json!([]));
}

#[tokio::test]
async fn requests_of_one_key_that_come_at_one_time_create_one_task() {
    let tasks = Tasks::start().await;
    let (a, b, c) = tokio::join!(
        post(&tasks, "one", BODY),
        post(&tasks, "one", BODY),
        post(&tasks, "one", BODY),
    );
    assert_eq!([a.status, b.status, c.status], [201; 3]);
    assert!(a.body == b.body && b.body == c.body);
    assert_eq!(tasks.get("/tasks?user_id=9").await.body, json!([a.body]));
}
