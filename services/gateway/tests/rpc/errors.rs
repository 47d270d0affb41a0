//! What goes wrong at a service, as HTTP tells it.

use crate::edge::Edge;
use crate::peer::{self, CREATE, GET};

#[tokio::test]
async fn each_code_has_its_name_and_its_http_status() {
    let edge = peer::edge().await;
    let expected = [
        (1, 499, "canceled"),
        (2, 500, "unknown"),
        (3, 400, "invalid_argument"),
        (4, 504, "deadline_exceeded"),
        (5, 404, "not_found"),
        (6, 409, "already_exists"),
        (7, 403, "permission_denied"),
        (8, 429, "resource_exhausted"),
        (9, 400, "failed_precondition"),
        (10, 409, "aborted"),
        (11, 400, "out_of_range"),
        (12, 501, "unimplemented"),
        (13, 500, "internal"),
        (14, 503, "unavailable"),
        (15, 500, "data_loss"),
        (16, 401, "unauthenticated"),
    ];
    for (code, status, name) in expected {
        let answer = edge.call(GET, &format!(r#"{{"id":{code}}}"#)).await;
        let message = answer.is_error(status, name);
        assert_eq!(message, "it is so: 100 % – really");
    }
}

#[tokio::test]
async fn a_field_that_a_service_refuses_is_named_in_the_details() {
    let edge = Edge::before(&["tasks", "conflicts"]).await;
    let create = "muster.tasks.v1.TasksService/CreateTask";
    let answer = edge.call(create, r#"{"userId":1}"#).await;
    answer.is_error(400, "invalid_argument");
    assert_eq!(answer.bad_fields(), ["content"]);
    let answer = edge
        .call(
            "Scheduling.ConflictService/GetConflicts",
            r#"{"events":[{}]}"#,
        )
        .await;
    answer.is_error(400, "invalid_argument");
    assert_eq!(answer.bad_fields(), ["events[0].start"]);
}

#[tokio::test]
async fn the_id_of_a_request_and_its_deadline_reach_the_service() {
    let edge = peer::edge().await;
    let headers = ["X-Request-Id: from-a-page-1", "Connect-Timeout-Ms: 5000"];
    let answer = edge.post(CREATE, &headers, b"{}").await;
    let message = answer.is_error(400, "invalid_argument");
    let told = message.strip_prefix("sent: from-a-page-1 ").unwrap();
    let left_ms: u32 = told.trim_end_matches('m').parse().unwrap();
    assert!((1..=5000).contains(&left_ms), "{told}");
    assert_eq!(answer.header("x-request-id"), Some("from-a-page-1"));

    let answer = edge.post(CREATE, &[], b"{}").await;
    let message = answer.is_error(400, "invalid_argument");
    // An id of the gateway's own, and no deadline.
    assert!(
        message.ends_with(" none") && !message.contains(": none "),
        "{message}"
    );
}
