//! A collector that hangs, goes away or comes back costs spans, and nothing else.

use std::time::{Duration, Instant};

use muster_testkit::{Service, curl, eventually, get, request};

use crate::collector::Collector;
use crate::span::Span;
use crate::{DEADLINE, TRACE, exporting_to, header};

/// Spans that wait, in these tests.
const QUEUE: &str = "50";
const REQUESTS: usize = 300;
/// How long a stop may take whatever the collector does.
const STOP: Duration = Duration::from_secs(8);

async fn tasks(collector: &Collector, more: &[(&str, &str)]) -> Service {
    let endpoint = collector.endpoint();
    let environment = [&exporting_to(&endpoint)[..], more].concat();
    Service::start_with("muster-tasks", &[], &environment).await
}

/// A task is asked for so often, and told each time.
async fn ask(tasks: &Service) {
    for _ in 0..REQUESTS {
        let answer = request(&tasks.addr(), "GET", "/tasks/1", "").await;
        assert_eq!(answer.unwrap().0, 200);
    }
}

async fn metric(service: &Service, name: &str) -> f64 {
    let (_, text) = get(&service.addr_of("admin"), "/metrics").await.unwrap();
    let lines = text.lines().filter(|line| line.starts_with(name));
    lines
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
        .sum()
}

#[tokio::test]
async fn a_collector_that_hangs_costs_no_call_but_spans_which_are_counted() {
    let collector = Collector::start().await;
    collector.hang(true);
    let limits = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", QUEUE),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "1000"),
    ];
    let mut tasks = tasks(&collector, &limits).await;
    ask(&tasks).await;
    eventually(DEADLINE, || async {
        let dropped = metric(&tasks, "trace_spans_dropped_total{why=\"queue_full\"}").await;
        let late = metric(&tasks, "trace_spans_dropped_total{why=\"not_taken\"}").await;
        (dropped > 0.0 && late > 0.0).then_some(())
    })
    .await;
    assert_eq!(collector.spans().len(), 0);

    collector.hang(false);
    let url = format!("http://{}/tasks/1", tasks.addr());
    eventually(DEADLINE, || async {
        curl(&["-f", "-H", &header(), &url]).await.ok();
        let mut spans = collector.spans().into_iter();
        spans.any(|span| span.trace_id == TRACE).then_some(())
    })
    .await;
    assert!(metric(&tasks, "trace_spans_exported_total").await > 0.0);

    collector.hang(true);
    ask(&tasks).await;
    let start = Instant::now();
    assert!(tasks.stop(STOP).await.success());
    assert!(start.elapsed() < STOP);
}

#[tokio::test]
async fn a_collector_that_was_away_is_told_of_what_comes_then() {
    let mut collector = Collector::start().await;
    collector.go_away().await;
    let patience = [("OTEL_EXPORTER_OTLP_TIMEOUT", "1000")];
    let tasks = tasks(&collector, &patience).await;
    ask(&tasks).await;
    eventually(DEADLINE, || async {
        let dropped = metric(&tasks, "trace_spans_dropped_total").await;
        (dropped > 0.0).then_some(())
    })
    .await;
    collector.resume().await;
    let url = format!("http://{}/tasks/1", tasks.addr());
    eventually(DEADLINE, || async {
        curl(&["-f", "-H", &header(), &url]).await.ok();
        let mut spans = collector.spans().into_iter();
        spans.any(|span| span.trace_id == TRACE).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_stop_hands_over_what_waits_for_a_batch() {
    let collector = Collector::start().await;
    let mut tasks = tasks(&collector, &[("OTEL_BSP_SCHEDULE_DELAY", "600000")]).await;
    let url = format!("http://{}/tasks/1", tasks.addr());
    curl(&["-f", "-H", &header(), &url]).await.ok();
    assert!(tasks.stop(STOP).await.success());
    let is_there = |spans: &[Span]| !spans.is_empty();
    collector.trace(TRACE, is_there).await;
}

#[tokio::test]
async fn a_trace_that_its_caller_does_not_record_is_not_recorded_here() {
    let collector = Collector::start().await;
    let tasks = tasks(&collector, &[]).await;
    let url = format!("http://{}/tasks/1", tasks.addr());
    let unsampled = header().replace("-01", "-00");
    curl(&["-f", "-H", &unsampled, &url]).await.ok();
    let other = header().replace(TRACE, &TRACE.replace('0', "1"));
    curl(&["-f", "-H", &other, &url]).await.ok();
    let is_there = |spans: &[Span]| !spans.is_empty();
    collector.trace(&TRACE.replace('0', "1"), is_there).await;
    let spans = collector.spans().into_iter();
    assert_eq!(spans.filter(|span| span.trace_id == TRACE).count(), 0);
}
