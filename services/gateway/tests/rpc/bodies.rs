//! Bodies: bad ones, and long ones.

use serde_json::{Value, json};

use crate::edge::Edge;
use crate::peer::{self, GET, UPDATE};

const APPEND: &str = "muster.activity.v1.ActivityService/Append";
const CONFLICTS: &str = "Scheduling.ConflictService/GetConflicts";
const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn what_is_no_json_object_is_refused() {
    let edge = peer::edge().await;
    for body in [
        "",
        " ",
        "{",
        "nope",
        "[]",
        "null",
        "7",
        r#"{"id":1} {}"#,
        "{\"id\":1,}",
    ] {
        let answer = edge.call(GET, body).await;
        answer.is_error(400, "invalid_argument");
        assert_eq!(answer.bad_fields(), ["body"], "{body:?}");
    }
    let not_utf8 = edge.post(GET, &[], b"{\"id\":\"\xff\"}").await;
    not_utf8.is_error(400, "invalid_argument");
    let deep = "[".repeat(150_000);
    edge.call(GET, &deep)
        .await
        .is_error(400, "invalid_argument");
}

#[tokio::test]
async fn a_bad_field_is_named_wherever_it_lies() {
    let edge = peer::edge().await;
    let event = |event: &str| format!(r#"{{"events":[{{}},{event}]}}"#);
    for (method, body, field) in [
        (GET, r#"{"id":"one"}"#.to_owned(), "id"),
        (GET, r#"{"id":1.5}"#.to_owned(), "id"),
        (GET, r#"{"id":9223372036854775808}"#.to_owned(), "id"),
        (GET, r#"{"id":{}}"#.to_owned(), "id"),
        (UPDATE, r#"{"status":"DONE"}"#.to_owned(), "status"),
        (UPDATE, r#"{"content":7}"#.to_owned(), "content"),
        (CONFLICTS, r#"{"events":{}}"#.to_owned(), "events"),
        (CONFLICTS, event(r#"{"start":5}"#), "events[1].start"),
        (
            CONFLICTS,
            event(r#"{"start":"yesterday"}"#),
            "events[1].start",
        ),
        (
            CONFLICTS,
            event(r#"{"end":"2026-13-01T00:00:00Z"}"#),
            "events[1].end",
        ),
    ] {
        let answer = edge.call(method, &body).await;
        let message = answer.is_error(400, "invalid_argument");
        assert!(
            message.starts_with(&format!("{field}: ")),
            "{body}: {message}"
        );
        assert_eq!(answer.bad_fields(), [field], "{body}");
    }
}

#[tokio::test]
async fn an_unknown_field_is_refused_rather_than_passed_over() {
    let edge = peer::edge().await;
    let answer = edge.call(GET, r#"{"idd":1}"#).await;
    let message = answer.is_error(400, "invalid_argument");
    assert!(message.contains("'idd'"), "{message}");
    assert_eq!(answer.bad_fields(), ["idd"]);
    let inside = r#"{"events":[{"strat":"2026-01-05T09:00:00Z"}]}"#;
    let answer = edge.call(CONFLICTS, inside).await;
    let message = answer.is_error(400, "invalid_argument");
    assert!(message.contains("'strat'"), "{message}");
    assert_eq!(answer.bad_fields(), ["events[0]"]);
}

#[tokio::test]
async fn protobuf_that_is_none_is_refused() {
    let edge = Edge::before(&["tasks"]).await;
    let kind = ["Content-Type: application/proto"];
    let answer = edge.post(GET, &kind, b"\xff\xff").await;
    assert_ne!(answer.status, 200);
    assert!(answer.json()["code"].is_string());
}

#[tokio::test]
async fn a_body_is_taken_up_to_four_mebibytes() {
    let edge = Edge::before(&["activity"]).await;
    let event =
        |id: usize| json!({ "topic": "long", "id": id.to_string(), "message": "x".repeat(60_000) });
    let events: Vec<Value> = (0..69).map(event).collect();
    let body = json!({ "events": events }).to_string();
    assert!(body.len() > 3 * MIB && body.len() < 4 * MIB);
    let results = edge.call(APPEND, &body).await.ok();
    assert_eq!(results["results"].as_array().unwrap().len(), 69);

    let long = format!(r#"{{"events":[{}]}}"#, " ".repeat(10 * MIB));
    let message = edge
        .call(APPEND, &long)
        .await
        .is_error(429, "resource_exhausted");
    assert_eq!(message, "body: longer than 4194304 bytes");
    // Nobody says beforehand how long this one is.
    let chunked = ["Transfer-Encoding: chunked"];
    let answer = edge.post(APPEND, &chunked, long.as_bytes()).await;
    answer.is_error(429, "resource_exhausted");
}

#[tokio::test]
async fn an_answer_is_passed_on_up_to_eight_mebibytes() {
    let edge = peer::edge().await;
    let asked = |bytes: usize| format!(r#"{{"id":{bytes}}}"#);
    let task = edge.call(UPDATE, &asked(7 * MIB)).await.ok();
    assert_eq!(task["task"]["content"].as_str().unwrap().len(), 7 * MIB);
    edge.call(UPDATE, &asked(9 * MIB))
        .await
        .is_error(400, "out_of_range");
}

/// An object of one small field takes half a kibibyte once it is read, and a body has room for 380,000.
#[tokio::test]
async fn a_body_of_many_small_parts_takes_no_more_memory_than_others() {
    let mut edge = Edge::before(&["activity"]).await;
    let body = format!(r#"{{"events":[{}{{}}]}}"#, r#"{"id":"a"},"#.repeat(150_000));
    let before = edge.gateway.process().peak_resident_bytes();
    let answer = edge.call(APPEND, &body).await;
    answer.is_error(400, "invalid_argument");
    assert_eq!(answer.bad_fields(), ["events[0].topic"]);
    let grown = edge.gateway.process().peak_resident_bytes() - before;
    assert!(grown < 48 * MIB as u64, "{grown} bytes");
}
