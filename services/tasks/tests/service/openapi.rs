//! The description of the API, held against what is served.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::schema::{resolved, violations};
use crate::{Answer, Tasks};

/// Those that a description may have; CONNECT is for proxies.
const METHODS: [&str; 8] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
];

/// A request as it is described: method, path, where it goes, headers, body; and what comes.
type Request = (
    &'static str,
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static str,
    u16,
);

const FOREIGN: &[&str] = &["Origin: https://evil.example"];
const NEW: &str = r#"{"user_id":1,"content":"x"}"#;

/// One for each status, in this order.
const REQUESTS: &[Request] = &[
    ("get", "/openapi.json", "/openapi.json", &[], "", 200),
    ("get", "/openapi.json", "/openapi.json", FOREIGN, "", 403),
    ("get", "/tasks", "/tasks?limit=1", &[], "", 200),
    ("get", "/tasks", "/tasks?limit=0", &[], "", 400),
    ("get", "/tasks", "/tasks", FOREIGN, "", 403),
    (
        "post",
        "/tasks",
        "/tasks",
        &["Idempotency-Key: one"],
        NEW,
        201,
    ),
    ("post", "/tasks", "/tasks", &[], "x", 400),
    ("post", "/tasks", "/tasks", FOREIGN, NEW, 403),
    ("post", "/tasks", "/tasks", &[], "{}", 422),
    ("get", "/tasks/{id}", "/tasks/7", &[], "", 200),
    (
        "get",
        "/tasks/{id}",
        "/tasks/7",
        &["If-None-Match: \"1\""],
        "",
        304,
    ),
    (
        "get",
        "/tasks/{id}",
        "/tasks/7",
        &["If-None-Match: 1"],
        "",
        400,
    ),
    ("get", "/tasks/{id}", "/tasks/7", FOREIGN, "", 403),
    ("get", "/tasks/{id}", "/tasks/0", &[], "", 404),
    (
        "patch",
        "/tasks/{id}",
        "/tasks/7",
        &["If-Match: \"1\""],
        r#"{"status":1}"#,
        200,
    ),
    ("patch", "/tasks/{id}", "/tasks/7", &[], "x", 400),
    (
        "patch",
        "/tasks/{id}",
        "/tasks/7",
        FOREIGN,
        r#"{"status":1}"#,
        403,
    ),
    (
        "patch",
        "/tasks/{id}",
        "/tasks/0",
        &[],
        r#"{"status":1}"#,
        404,
    ),
    (
        "patch",
        "/tasks/{id}",
        "/tasks/7",
        &["If-Match: \"1\""],
        r#"{"status":1}"#,
        412,
    ),
    (
        "patch",
        "/tasks/{id}",
        "/tasks/7",
        &[],
        r#"{"status":2}"#,
        422,
    ),
    (
        "delete",
        "/tasks/{id}",
        "/tasks/7",
        &["If-Match: 1"],
        "",
        400,
    ),
    ("delete", "/tasks/{id}", "/tasks/7", FOREIGN, "", 403),
    (
        "delete",
        "/tasks/{id}",
        "/tasks/7",
        &["If-Match: \"1\""],
        "",
        412,
    ),
    ("delete", "/tasks/{id}", "/tasks/7", &[], "", 204),
    ("delete", "/tasks/{id}", "/tasks/7", &[], "", 404),
    (
        "post",
        "/tasks",
        "/tasks",
        &["Idempotency-Key: one"],
        NEW,
        410,
    ),
];

pub(crate) async fn document(tasks: &Tasks) -> Value {
    let document = tasks.get("/openapi.json").await;
    assert_eq!(document.header("content-type"), Some("application/json"));
    assert_eq!(document.body["openapi"], "3.1.0");
    document.body
}

/// The methods of each path that is described.
fn described(document: &Value) -> Vec<(String, BTreeSet<String>)> {
    let paths = document["paths"].as_object().unwrap();
    let methods = |item: &Value| {
        let names = item
            .as_object()
            .unwrap()
            .keys()
            .map(|name| name.to_uppercase());
        names.filter(|name| METHODS.contains(&&**name)).collect()
    };
    paths
        .iter()
        .map(|(path, item)| (path.clone(), methods(item)))
        .collect()
}

/// Checks an answer against what is said of it.
#[track_caller]
pub(crate) fn conforms(document: &Value, method: &str, path: &str, answer: &Answer) {
    let responses = &document["paths"][path][method]["responses"];
    let response = responses.get(answer.status.to_string());
    let response = response.unwrap_or_else(|| panic!("{method} {path}: not described: {answer:?}"));
    let response = resolved(document, response);
    for (name, header) in response["headers"].as_object().into_iter().flatten() {
        let is_required = resolved(document, header)["required"] == true;
        let value = answer.header(&name.to_lowercase());
        assert!(
            !is_required || value.is_some(),
            "{method} {path}: no {name}: {answer:?}"
        );
    }
    match response["content"].as_object() {
        None => assert!(answer.body.is_null(), "{method} {path}: {answer:?}"),
        Some(content) => {
            let kind = answer.header("content-type").unwrap_or_default();
            let schema = &content
                .get(kind)
                .unwrap_or_else(|| panic!("{kind}: {answer:?}"))["schema"];
            let wrong = violations(document, schema, &answer.body, path);
            assert!(wrong.is_empty(), "{wrong:?}");
        }
    }
}

#[tokio::test]
async fn what_is_described_is_served_and_nothing_else() {
    let tasks = Tasks::start().await;
    let document = document(&tasks).await;
    let routes = include_str!("../../src/http.rs");
    let served: BTreeSet<&str> = routes
        .split(".route(")
        .skip(1)
        .filter_map(|route| route.split('"').nth(1))
        .collect();
    let described = described(&document);
    let paths: BTreeSet<&str> = described.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, served);
    for (path, methods) in described {
        for method in METHODS {
            let answer = tasks
                .call(method, &path.replace("{id}", "0"), &[], "")
                .await;
            // HEAD comes with GET.
            let is_described = methods.contains(if method == "HEAD" { "GET" } else { method });
            assert_eq!(
                answer.status != 405,
                is_described,
                "{method} {path}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_answer_is_as_it_is_described() {
    let tasks = Tasks::start().await;
    let document = document(&tasks).await;
    let too_long = " ".repeat(65_537);
    let long = [
        ("post", "/tasks", "/tasks"),
        ("patch", "/tasks/{id}", "/tasks/1"),
    ];
    let long = long.map(|(method, path, to)| (method, path, to, &[] as &[_], &*too_long, 413));
    let mut seen = BTreeSet::new();
    for (method, path, to, headers, body, status) in long.iter().chain(REQUESTS).copied() {
        let answer = tasks.call(&method.to_uppercase(), to, headers, body).await;
        assert_eq!(answer.status, status, "{method} {to}: {answer:?}");
        conforms(&document, method, path, &answer);
        seen.insert(format!("{method} {path} {status}"));
    }
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().into_iter().flatten();
            described.extend(responses.map(|(status, _)| format!("{method} {path} {status}")));
        }
    }
    // Of a full store, see `full_disk.rs`; of a broken one, where problems are made.
    described.retain(|line| !line.ends_with(" 503") && !line.ends_with(" default"));
    assert_eq!(seen, described);
}

#[tokio::test]
async fn every_example_is_what_it_is_an_example_of() {
    let tasks = Tasks::start().await;
    let document = document(&tasks).await;
    let mut examples = 0;
    let mut open = vec![("#".to_owned(), &document)];
    while let Some((at, value)) = open.pop() {
        if let (Some(schema), Some(example)) = (value.get("schema"), value.get("example")) {
            let wrong = violations(&document, schema, example, &at);
            assert!(wrong.is_empty(), "{wrong:?}");
            examples += 1;
        }
        resolved(&document, value);
        let inside = value.as_object().into_iter().flatten();
        open.extend(inside.map(|(name, value)| (format!("{at}/{name}"), value)));
        let items = value.as_array().into_iter().flatten();
        open.extend(items.map(|value| (at.clone(), value)));
    }
    assert!(examples > 15, "{examples}");
}
