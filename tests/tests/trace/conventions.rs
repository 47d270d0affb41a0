//! The names that OpenTelemetry's semantic conventions have for what is known of a request.

use std::collections::BTreeMap;

use muster_kit::channel::Channel;
use muster_proto::compat::activity::EventRequest;
use muster_proto::compat::activity::activity_events_client::ActivityEventsClient;
use muster_proto::health::v1::HealthCheckRequest;
use muster_proto::health::v1::health_client::HealthClient;
use muster_proto::muster::activity::v1::TailRequest;
use muster_proto::muster::activity::v1::activity_service_client::ActivityServiceClient;
use muster_testkit::{Service, curl};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use tonic::Request;

use crate::collector::Collector;
use crate::span::Span;
use crate::{CALLER, TRACE, TRACEPARENT, exporting_to, header};

/// Asks for a method that is not there.
async fn call_nothing(addr: &str) {
    let url = format!("http://{addr}/activityevents.ActivityEvents/Forget");
    let (grpc, traced) = ("Content-Type: application/grpc", header());
    let args = ["--http2-prior-knowledge", "-X", "POST", "-H", grpc];
    let args = [&args[..], &["-H", &traced, &url]].concat();
    curl(&args).await.ok();
}

/// A request of the trace.
fn traced<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    let metadata = request.metadata_mut();
    metadata.insert("traceparent", TRACEPARENT.parse().unwrap());
    request
}

fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pair = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    pairs.iter().map(pair).collect()
}

#[tokio::test]
async fn calls_are_described_by_the_conventions_for_rpc_and_a_stream_is_one_span() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let mut environment = exporting_to(&endpoint).to_vec();
    environment.extend([
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=test",
        ),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-test=a%20b"),
    ]);
    let activity = Service::start_with("muster-activity", &[], &environment).await;
    let addr = activity.addr();
    let channel = Channel::to(&addr);

    let mut events = ActivityEventsClient::new(channel.clone());
    let event = EventRequest::default();
    events.create_event(traced(event)).await.unwrap();
    let bad = EventRequest {
        message: "x".repeat(70_000),
        ..EventRequest::default()
    };
    events.create_event(traced(bad)).await.unwrap_err();
    call_nothing(&addr).await;
    let health = HealthCheckRequest::default();
    let mut healths = HealthClient::new(channel.clone());
    healths.check(traced(health)).await.unwrap();
    let follow = TailRequest {
        follow: true,
        ..TailRequest::default()
    };
    let mut tails = ActivityServiceClient::new(channel);
    let mut tail = tails.tail(traced(follow)).await.unwrap().into_inner();
    tail.message().await.unwrap();
    assert_eq!(of_name(&collector.spans(), "Tail").len(), 0, "it is open");
    drop(tail);

    let all_have_ended = |spans: &[Span]| spans.len() >= 4;
    let spans = collector.trace(TRACE, all_have_ended).await;
    assert_eq!(spans.len(), 4, "health is not traced: {spans:#?}");
    let (host, port) = addr.split_once(':').unwrap();
    for (name, code) in [
        ("activityevents.ActivityEvents/CreateEvent", "OK"),
        (
            "activityevents.ActivityEvents/CreateEvent",
            "INVALID_ARGUMENT",
        ),
        ("muster.activity.v1.ActivityService/Tail", "CANCELLED"),
        ("_OTHER", "UNIMPLEMENTED"),
    ] {
        let mut expected = attributes(&[
            ("rpc.system.name", "grpc"),
            ("rpc.method", name),
            ("rpc.response.status_code", code),
            ("server.address", host),
            ("server.port", port),
        ]);
        // What the caller did wrong, or wanted no more, is no failure of the server.
        let is_error = code == "UNIMPLEMENTED";
        if is_error {
            expected.insert("error.type".to_owned(), code.to_owned());
        }
        let found = spans.iter().find(|span| span.attributes == expected);
        let span = found.unwrap_or_else(|| panic!("{expected:?} is not in {spans:#?}"));
        assert_eq!((&*span.name, span.kind), (name, SpanKind::Server));
        assert_eq!((&*span.parent, span.is_error), (CALLER, is_error));
        assert!(span.took_ns > 0);
    }
    let resource = &spans[0].resource;
    assert_eq!(resource["service.name"], "muster-activity");
    assert_eq!(resource["deployment.environment.name"], "test");
    assert!(resource.contains_key("service.version"));
    assert!(resource.contains_key("service.instance.id"));
    assert!(collector.headers().iter().all(|header| header == "a b"));
}

#[tokio::test]
async fn requests_are_described_by_the_conventions_for_http() {
    let collector = Collector::start().await;
    let endpoint = collector.endpoint();
    let tasks = Service::start_with("muster-tasks", &[], &exporting_to(&endpoint)).await;
    let addr = tasks.addr();
    for path in ["tasks/1", "tasks/x", "nowhere"] {
        let url = format!("http://{addr}/{path}");
        curl(&["-H", &header(), &url]).await.ok();
    }

    let spans = collector.trace(TRACE, |spans| spans.len() == 3).await;
    let (host, port) = addr.split_once(':').unwrap();
    let expected = |path: &str, status: &str| {
        attributes(&[
            ("http.request.method", "GET"),
            ("http.response.status_code", status),
            ("network.protocol.version", "1.1"),
            ("server.address", host),
            ("server.port", port),
            ("url.path", path),
            ("url.scheme", "http"),
        ])
    };
    for (path, status, route) in [
        ("/tasks/1", "200", Some("/tasks/{id}")),
        ("/tasks/x", "404", Some("/tasks/{id}")),
        ("/nowhere", "404", None),
    ] {
        let mut expected = expected(path, status);
        expected.extend(route.map(|route| ("http.route".to_owned(), route.to_owned())));
        let found = spans.iter().find(|span| span.attributes == expected);
        let span = found.unwrap_or_else(|| panic!("{expected:?} is not in {spans:#?}"));
        let name = route.map_or("GET".to_owned(), |route| format!("GET {route}"));
        assert_eq!((&*span.name, span.kind), (&*name, SpanKind::Server));
        assert!(!span.is_error, "the caller is to blame");
    }
}

fn of_name<'a>(spans: &'a [Span], part: &str) -> Vec<&'a Span> {
    let has = |span: &&Span| span.name.contains(part);
    spans.iter().filter(has).collect()
}
