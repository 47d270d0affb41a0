//! Services that are away, slow or stopped.

use std::time::{Duration, Instant};

use muster_testkit::eventually;

use crate::SOON;
use crate::edge::Edge;
use crate::peer::{self, GET, LIST};

#[tokio::test]
async fn a_call_that_takes_too_long_ends_at_its_deadline() {
    let edge = peer::edge().await;
    let start = Instant::now();
    let answer = edge.post(LIST, &["Connect-Timeout-Ms: 300"], b"{}").await;
    answer.is_error(504, "deadline_exceeded");
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(300) && took < SOON,
        "{took:?}"
    );
}

#[tokio::test]
async fn without_an_instance_a_call_is_unavailable() {
    let edge = Edge::at("", &[]).await;
    let answer = edge.post(GET, &["Connect-Timeout-Ms: 300"], b"{}").await;
    let message = answer.is_error(503, "unavailable");
    assert_eq!(
        message,
        "no server of muster.tasks.v1.TasksService is reachable"
    );
    // Without a deadline it does not wait for ever, either.
    let start = Instant::now();
    edge.call(GET, "{}").await.is_error(503, "unavailable");
    assert!(start.elapsed() < SOON);
}

#[tokio::test]
async fn a_service_that_was_stopped_is_found_again() {
    let mut edge = Edge::before(&["tasks"]).await;
    let addr = edge.services["tasks"].addr();
    edge.call(GET, r#"{"id":1}"#).await.ok();
    let tasks = edge.services.get_mut("tasks").unwrap();
    tasks.stop(SOON).await;
    let answer = edge
        .post(GET, &["Connect-Timeout-Ms: 300"], br#"{"id":1}"#)
        .await;
    answer.is_error(503, "unavailable");
    let again = muster_testkit::Service::start("muster-tasks", &["--listen", &addr]).await;
    eventually(SOON, || async {
        let answer = edge.call(GET, r#"{"id":1}"#).await;
        (answer.status == 200).then_some(())
    })
    .await;
    drop(again);
}

#[tokio::test]
async fn a_service_that_hangs_costs_no_more_than_the_deadline() {
    let mut edge = Edge::before(&["tasks"]).await;
    edge.call(GET, r#"{"id":1}"#).await.ok();
    edge.services.get_mut("tasks").unwrap().process().freeze();
    let answer = edge
        .post(GET, &["Connect-Timeout-Ms: 300"], br#"{"id":1}"#)
        .await;
    answer.is_error(504, "deadline_exceeded");
}
