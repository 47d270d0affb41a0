//! Tasks as JSON over HTTP.

use serde_json::json;

use crate::Tasks;

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`.
fn is_iso(text: &serde_json::Value) -> bool {
    let text = text.as_str().unwrap_or_default();
    let shape = |c: char| if c.is_ascii_digit() { '0' } else { c };
    text.chars().map(shape).collect::<String>() == "0000-00-00T00:00:00.000Z"
}

#[tokio::test]
async fn task_1_of_user_1_is_there_and_can_be_completed() {
    let tasks = Tasks::start().await;
    let task = tasks.get("/tasks/1").await;
    assert_eq!((task.status, &task.body["user_id"]), (200, &json!(1)));
    assert_eq!(
        (&task.body["status"], &task.body["completedAt"]),
        (&json!(0), &json!(null))
    );

    let completed = tasks.patch("/tasks/1", r#"{"status":1}"#).await;
    assert_eq!(
        (completed.status, &completed.body["status"]),
        (200, &json!(1))
    );
    assert!(is_iso(&completed.body["completedAt"]), "{completed:?}");
    assert_eq!(tasks.get("/tasks/1").await.body, completed.body);
}

#[tokio::test]
async fn a_task_is_created_whatever_the_content_type() {
    let tasks = Tasks::start().await;
    for kind in [
        "Content-Type: application/json",
        "Content-Type: text/plain",
        "Accept: */*",
    ] {
        let body = r#"{"user_id":4711,"content":"Water the plants","more":true}"#;
        let created = tasks.call("POST", "/tasks", &[kind], body).await;
        assert_eq!(created.status, 201, "{kind}: {created:?}");
        assert_eq!(created.header("content-type"), Some("application/json"));
        let path = format!("/tasks/{}", created.id());
        assert_eq!(created.header("location"), Some(&*path));
        let created = created.body;
        assert!(is_iso(&created["createdAt"]), "{created}");
        let expected = json!({
            "id": created["id"],
            "user_id": 4711,
            "status": 0,
            "content": "Water the plants",
            "createdAt": created["createdAt"],
            "completedAt": null,
        });
        assert_eq!(created, expected);
        assert_eq!(tasks.get(&path).await.body, created);
    }
}

#[tokio::test]
async fn a_completed_task_stays_completed_since_the_first_time_until_it_is_opened() {
    let tasks = Tasks::start().await;
    let first = tasks.patch("/tasks/1", r#"{"status":1}"#).await;
    let again = tasks.patch("/tasks/1", r#"{"status":1}"#).await;
    assert_eq!(
        (&again.body, again.header("etag")),
        (&first.body, first.header("etag"))
    );
    let opened = tasks.patch("/tasks/1", r#"{"status":0}"#).await;
    assert_eq!(
        (&opened.body["status"], &opened.body["completedAt"]),
        (&json!(0), &json!(null))
    );
    let anew = tasks
        .patch("/tasks/1", r#"{"status":1,"content":"done"}"#)
        .await;
    assert!(is_iso(&anew.body["completedAt"]));
    assert!(anew.body["completedAt"].as_str() >= first.body["completedAt"].as_str());
    assert_eq!(anew.body["content"], "done");
}

#[tokio::test]
async fn a_deleted_task_is_gone() {
    let tasks = Tasks::start().await;
    let deleted = tasks.call("DELETE", "/tasks/1", &[], "").await;
    assert_eq!((deleted.status, &deleted.body), (204, &json!(null)));
    tasks.get("/tasks/1").await.is_problem(404, &[]);
    tasks
        .call("DELETE", "/tasks/1", &[], "")
        .await
        .is_problem(404, &[]);
    tasks
        .patch("/tasks/1", r#"{"status":1}"#)
        .await
        .is_problem(404, &[]);
}

#[tokio::test]
async fn what_names_no_task_is_not_found() {
    let tasks = Tasks::start().await;
    for id in [
        "4711",
        "0",
        "-1",
        "01",
        "+1",
        "1.0",
        "abc",
        "%31x",
        "99999999999999999999",
    ] {
        tasks
            .get(&format!("/tasks/{id}"))
            .await
            .is_problem(404, &[]);
    }
}

#[tokio::test]
async fn a_bad_body_is_refused_with_its_fields_and_nothing_is_stored() {
    let tasks = Tasks::start().await;
    let long = format!(r#"{{"user_id":1,"content":"{}"}}"#, "x".repeat(10_001));
    let cases: &[(&str, u16, &[&str])] = &[
        ("user_id=1", 400, &[]),
        ("[1]", 400, &[]),
        ("\"x\"", 400, &[]),
        (r#"{"user_id":1"#, 400, &[]),
        ("{}", 422, &["user_id", "content"]),
        (r#"{"user_id":1}"#, 422, &["content"]),
        (r#"{"user_id":"1","content":"x"}"#, 422, &["user_id"]),
        (r#"{"user_id":0,"content":"x"}"#, 422, &["user_id"]),
        (
            r#"{"user_id":-1,"content":""}"#,
            422,
            &["user_id", "content"],
        ),
        (r#"{"user_id":1.5,"content":"x"}"#, 422, &["user_id"]),
        (
            r#"{"user_id":99999999999999999999,"content":"x"}"#,
            422,
            &["user_id"],
        ),
        (
            r#"{"user_id":null,"content":null}"#,
            422,
            &["user_id", "content"],
        ),
        (&long, 422, &["content"]),
    ];
    for (body, status, fields) in cases {
        tasks.post(body).await.is_problem(*status, fields);
    }
    tasks
        .call("POST", "/tasks", &[], "")
        .await
        .is_problem(400, &[]);
    let newest = tasks.post(r#"{"user_id":1,"content":"x"}"#).await.id();
    let count = tasks.get("/tasks").await.body.as_array().unwrap().len();
    assert_eq!(usize::try_from(newest).unwrap(), count, "an id was used up");
}

#[tokio::test]
async fn a_bad_change_is_refused_with_its_fields() {
    let tasks = Tasks::start().await;
    let cases: &[(&str, u16, &[&str])] = &[
        ("status=1", 400, &[]),
        ("{}", 422, &["status"]),
        (r#"{"state":1}"#, 422, &["status"]),
        (r#"{"status":2}"#, 422, &["status"]),
        (r#"{"status":-1}"#, 422, &["status"]),
        (r#"{"status":"1"}"#, 422, &["status"]),
        (
            r#"{"status":true,"content":""}"#,
            422,
            &["status", "content"],
        ),
        (r#"{"status":null}"#, 422, &["status"]),
        (r#"{"status":1,"content":7}"#, 422, &["content"]),
    ];
    let before = tasks.get("/tasks/1").await;
    for (body, status, fields) in cases {
        tasks
            .patch("/tasks/1", body)
            .await
            .is_problem(*status, fields);
    }
    assert_eq!(tasks.get("/tasks/1").await.body, before.body);
}

#[tokio::test]
async fn a_body_may_be_64_kib() {
    let tasks = Tasks::start().await;
    let padded = |bytes: usize| format!(r#"{{"status":1{:1$}}}"#, "", bytes - 12);
    assert_eq!(
        tasks.patch("/tasks/1", &padded(64 * 1024)).await.status,
        200
    );
    let one_more = padded(64 * 1024 + 1);
    tasks
        .patch("/tasks/1", &one_more)
        .await
        .is_problem(413, &[]);
    tasks.post(&one_more).await.is_problem(413, &[]);
}

#[tokio::test]
async fn any_text_that_fits_comes_back_as_it_was() {
    let tasks = Tasks::start().await;
    for text in [
        "x".repeat(10_000),
        "\u{1}".repeat(10_000),
        "'; DROP TABLE tasks; --".to_owned(),
    ] {
        let body = json!({ "user_id": 1, "content": text }).to_string();
        let created = tasks.post(&body).await;
        assert_eq!(
            (created.status, created.body["content"].as_str()),
            (201, Some(&*text))
        );
    }
}

#[tokio::test]
async fn another_method_is_told_which_there_are() {
    let tasks = Tasks::start().await;
    for (path, methods) in [
        ("/tasks", "GET, HEAD, POST"),
        ("/tasks/1", "GET, HEAD, PATCH, DELETE"),
        ("/openapi.json", "GET, HEAD"),
    ] {
        for method in ["PUT", "OPTIONS", "TRACE"] {
            let answer = tasks.call(method, path, &[], "").await;
            answer.is_problem(405, &[]);
            assert_eq!(answer.header("allow"), Some(methods), "{method} {path}");
        }
        assert_eq!(tasks.call("HEAD", path, &[], "").await.status, 200);
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused() {
    let tasks = Tasks::start().await;
    let foreign = ["Origin: https://evil.example"];
    let body = r#"{"user_id":1,"content":"x"}"#;
    assert_eq!(
        tasks.call("POST", "/tasks", &foreign, body).await.status,
        403
    );
    let own = [&*format!("Origin: http://{}", tasks.addr)];
    assert_eq!(tasks.call("POST", "/tasks", &own, body).await.status, 201);
}
