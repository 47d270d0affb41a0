//! Traces where all services are one process, and where not all of them export.

use std::collections::BTreeSet;

use muster_testkit::{Service, curl, eventually, request};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::collector::Collector;
use crate::span::Span;
use crate::{CALLER, DEADLINE, TRACE, exporting_to, header};

const COMPLETED: &str = r#"{"status":1}"#;

#[tokio::test]
async fn in_one_process_each_service_has_its_own_name_and_the_trace_goes_over_the_bus() {
    let collector = Collector::start().await;
    let suite = Service::suite_with(&[], &exporting_to(&collector.endpoint())).await;
    complete(&suite.addr_of("tasks")).await;

    let expected = [
        ("muster-tasks", "PATCH /tasks/{id}"),
        (
            "muster-tasks",
            "publish muster.events:muster.tasks.task.completed",
        ),
        ("muster-gateway", "process muster.gateway"),
        (
            "muster-activity",
            "muster.activity.v1.ActivityService/Append",
        ),
    ];
    eventually(DEADLINE, || {
        let spans = collector.spans();
        let has = |&(service, name): &(&str, &str)| {
            let of_trace = |span: &&Span| span.trace_id == TRACE;
            let mut of_trace = spans.iter().filter(of_trace);
            of_trace.any(|span| span.service == service && span.name == name)
        };
        std::future::ready(expected.iter().all(has).then_some(()))
    })
    .await;
}

#[tokio::test]
async fn messages_that_are_stored_by_one_call_keep_their_traces_and_are_linked_to_it() {
    const TASKS: usize = 20;
    let collector = Collector::start().await;
    let suite = Service::suite_with(&[], &exporting_to(&collector.endpoint())).await;
    let tasks = suite.addr_of("tasks");
    let mut completing = JoinSet::new();
    for _ in 0..TASKS {
        let new = r#"{"user_id":1,"content":"x"}"#;
        let (_, task) = request(&tasks, "POST", "/tasks", new).await.unwrap();
        let task: Value = serde_json::from_str(&task).unwrap();
        let (tasks, path) = (tasks.clone(), format!("/tasks/{}", task["id"]));
        completing.spawn(async move { request(&tasks, "PATCH", &path, COMPLETED).await });
    }
    for answer in completing.join_all().await {
        assert_eq!(answer.unwrap().0, 200);
    }

    let kept = eventually(DEADLINE, || {
        let spans = collector.spans();
        let handled: Vec<Span> = of_name(&spans, "process muster.gateway");
        let calls: Vec<Span> = of_name(&spans, "append events");
        let served = |message: &Span| {
            let mut calls = calls.iter();
            calls.any(|call| call.parent == message.id || call.links.contains(&message.id))
        };
        let is_whole = handled.len() == TASKS && handled.iter().all(served);
        std::future::ready(is_whole.then_some((handled, calls)))
    });
    let (handled, calls) = kept.await;
    let traces: BTreeSet<&str> = handled.iter().map(|span| &*span.trace_id).collect();
    assert_eq!(traces.len(), TASKS, "each has its own");
    let counts = calls.iter().map(|call| 1 + call.links.len());
    assert_eq!(counts.sum::<usize>(), TASKS);
    for call in &calls {
        let count = &call.attributes["messaging.batch.message_count"];
        assert_eq!(*count, (1 + call.links.len()).to_string());
    }
}

fn of_name(spans: &[Span], name: &str) -> Vec<Span> {
    let of_name = spans.iter().filter(|span| span.name == name);
    of_name.cloned().collect()
}

#[tokio::test]
async fn a_trace_goes_through_a_service_that_exports_nothing() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let exporting = exporting_to(&endpoint);
    let notificator = Service::start_with("muster-notificator", &[], &exporting).await;
    let peers = format!("notificator={}", notificator.addr());
    let users = Service::start("muster-users", &["--static", &peers]).await;
    let (url, traced) = (format!("http://{}/create", users.addr()), header());
    let args = ["-f", "-H", &traced, "-d", r#"{"email":"ann"}"#, &url];
    curl(&args).await.ok();

    let is_delivered = |spans: &[Span]| spans.len() == 2;
    let spans = collector.trace(TRACE, is_delivered).await;
    let names = spans.iter().map(|span| (&*span.parent, &*span.name));
    let sent = "muster.notificator.v1.NotificatorService/Send";
    assert!(names.clone().any(|it| it == (CALLER, sent)), "{spans:#?}");
    assert!(names.clone().any(|(_, name)| name == "deliver mail"));
}

#[tokio::test]
async fn where_nothing_is_exported_the_log_still_says_which_trace_it_is() {
    let mut suite = Service::suite(&[]).await;
    complete(&suite.addr_of("tasks")).await;
    for words in ["Message published", "Message received from MQ"] {
        let line = eventually(DEADLINE, || {
            let log = suite.process().stderr();
            let line = log.lines().find(|line| line.contains(words));
            std::future::ready(line.map(str::to_owned))
        });
        let line: Value = serde_json::from_str(&line.await).unwrap();
        assert_eq!(line["trace_id"], TRACE, "{line}");
        assert_eq!(line["span_id"], CALLER, "{line}");
    }
}

/// Completes task 1, as a part of the trace.
async fn complete(tasks: &str) {
    let (url, traced) = (format!("http://{tasks}/tasks/1"), header());
    let args = ["-f", "-X", "PATCH", "-H", &traced, "-d", COMPLETED, &url];
    curl(&args).await.ok();
}
