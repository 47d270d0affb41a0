//! Lists and their pages.

use serde_json::Value;

use crate::{Answer, Tasks};

async fn create(tasks: &Tasks, user_id: i64, count: usize) -> Vec<i64> {
    let mut ids = Vec::new();
    for number in 0..count {
        let body = format!(r#"{{"user_id":{user_id},"content":"task {number}"}}"#);
        ids.push(tasks.post(&body).await.id());
    }
    ids
}

fn ids(answer: &Answer) -> Vec<i64> {
    let tasks = answer
        .body
        .as_array()
        .unwrap_or_else(|| panic!("{answer:?}"));
    tasks
        .iter()
        .filter_map(|task| task["id"].as_i64())
        .collect()
}

/// The path of `</path>; rel="next"`.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.header("link")?;
    let path = link.strip_prefix('<')?.strip_suffix(">; rel=\"next\"");
    Some(path.unwrap_or_else(|| panic!("{link}")).to_owned())
}

#[tokio::test]
async fn links_lead_through_all_pages_of_a_selection() {
    let tasks = Tasks::start().await;
    let created = create(&tasks, 9, 5).await;
    create(&tasks, 8, 1).await;
    tasks
        .patch(&format!("/tasks/{}", created[0]), r#"{"status":1}"#)
        .await;
    let mut path = "/tasks?user_id=9&status=0&limit=2".to_owned();
    let mut pages = Vec::new();
    loop {
        let page = tasks.get(&path).await;
        pages.push(ids(&page));
        match next(&page) {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(pages, [&created[1..3], &created[3..5]]);
}

#[tokio::test]
async fn a_list_without_a_limit_has_100_tasks_at_most() {
    let tasks = Tasks::start().await;
    let all = tasks.get("/tasks").await;
    assert_eq!(ids(&all), [1, 2, 3, 4, 5, 6]);
    assert_eq!(next(&all), None);
    create(&tasks, 9, 95).await;
    let first = tasks.get("/tasks").await;
    assert_eq!(
        (ids(&first).len(), next(&first).as_deref()),
        (100, Some("/tasks?after=100"))
    );
    let last = tasks.get("/tasks?after=100").await;
    assert_eq!((ids(&last), next(&last)), (vec![101], None));
    assert_eq!(ids(&tasks.get("/tasks?limit=1000").await).len(), 101);
}

#[tokio::test]
async fn a_bad_parameter_is_refused_by_its_name() {
    let tasks = Tasks::start().await;
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("limit", "limit"),
        ("status=2", "status"),
        ("status=", "status"),
        ("status=open", "status"),
        ("user_id=0", "user_id"),
        ("user_id=x", "user_id"),
        ("after=x", "after"),
        ("userid=1", "query"),
        ("limit=1&page=2", "query"),
    ] {
        let answer = tasks.get(&format!("/tasks?{query}")).await;
        answer.is_problem(400, &[field]);
    }
}

#[tokio::test]
async fn a_list_of_nothing_is_empty() {
    let tasks = Tasks::start().await;
    for query in [
        "user_id=4711",
        "after=4711",
        "after=9223372036854775807",
        "status=1",
    ] {
        let answer = tasks.get(&format!("/tasks?{query}")).await;
        assert_eq!(
            (answer.status, &answer.body),
            (200, &Value::Array(Vec::new()))
        );
    }
}
