//! Etags.

use serde_json::json;

use crate::Tasks;

#[tokio::test]
async fn every_change_gives_another_etag() {
    let tasks = Tasks::start().await;
    let created = tasks.post(r#"{"user_id":1,"content":"x"}"#).await;
    let path = format!("/tasks/{}", created.id());
    let first = created.header("etag").unwrap().to_owned();
    assert_eq!(tasks.get(&path).await.header("etag"), Some(&*first));
    let changed = tasks.patch(&path, r#"{"content":"y"}"#).await;
    let second = changed.header("etag").unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(tasks.get(&path).await.header("etag"), Some(&*second));
}

#[tokio::test]
async fn a_task_that_the_caller_has_is_not_sent_again() {
    let tasks = Tasks::start().await;
    let etag = tasks
        .get("/tasks/1")
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    let known = |value: String| {
        let (tasks, header) = (&tasks, format!("If-None-Match: {value}"));
        async move { tasks.call("GET", "/tasks/1", &[&header], "").await }
    };
    for same in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"x\", {etag}"),
        "*".to_owned(),
    ] {
        let answer = known(same).await;
        assert_eq!((answer.status, &answer.body), (304, &json!(null)));
        assert_eq!(answer.header("etag"), Some(&*etag));
    }
    assert_eq!(known("\"other\"".to_owned()).await.status, 200);
    known("other".to_owned())
        .await
        .is_problem(400, &["If-None-Match"]);
}

#[tokio::test]
async fn a_task_is_changed_and_deleted_only_as_the_caller_knows_it() {
    let tasks = Tasks::start().await;
    let etag = tasks
        .get("/tasks/1")
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    let call = |method: &'static str, value: String| {
        let (tasks, header) = (&tasks, format!("If-Match: {value}"));
        let body = if method == "PATCH" {
            r#"{"status":1}"#
        } else {
            ""
        };
        async move { tasks.call(method, "/tasks/1", &[&header], body).await }
    };
    for method in ["PATCH", "DELETE"] {
        call(method, "\"other\"".to_owned())
            .await
            .is_problem(412, &[]);
        call(method, format!("W/{etag}")).await.is_problem(412, &[]);
        call(method, "other".to_owned())
            .await
            .is_problem(400, &["If-Match"]);
    }
    let changed = call("PATCH", format!("\"x\", {etag}")).await;
    assert_eq!(changed.status, 200);
    call("PATCH", etag.clone()).await.is_problem(412, &[]);
    call("DELETE", etag).await.is_problem(412, &[]);
    assert_eq!(call("PATCH", "*".to_owned()).await.status, 200);
    let now = changed.header("etag").unwrap().to_owned();
    assert_eq!(call("DELETE", now.clone()).await.status, 204);
    call("DELETE", now).await.is_problem(404, &[]);
}

#[tokio::test]
async fn of_two_changes_of_the_same_version_one_is_made() {
    let tasks = Tasks::start().await;
    for round in 0..5 {
        let etag = tasks
            .get("/tasks/1")
            .await
            .header("etag")
            .unwrap()
            .to_owned();
        let header = [&*format!("If-Match: {etag}")];
        let [one, two] = ["one", "two"].map(|name| format!(r#"{{"content":"{name} {round}"}}"#));
        let (one, two) = tokio::join!(
            tasks.call("PATCH", "/tasks/1", &header, &one),
            tasks.call("PATCH", "/tasks/1", &header, &two),
        );
        let (winner, loser) = if one.status == 200 {
            (one, two)
        } else {
            (two, one)
        };
        assert_eq!(winner.status, 200, "{winner:?}");
        loser.is_problem(412, &[]);
        assert_eq!(tasks.get("/tasks/1").await.body, winner.body);
    }
}
