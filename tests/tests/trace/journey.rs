//! One trace through five services, each a process of its own, with a real MariaDB, RabbitMQ, etcd and SMTP server: a
//! user signs up and gets a mail, a task is completed and told over a WebSocket.

use std::collections::BTreeSet;

use futures_util::{SinkExt, StreamExt};
use muster_testkit::{Etcd, MariaDb, RabbitMq, Service, Smtp, curl};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use crate::collector::Collector;
use crate::span::Span;
use crate::{CALLER, DEADLINE, TRACE, exporting_to, header};

const APPEND: &str = "muster.activity.v1.ActivityService/Append";

/// All that the trace passes.
struct Site {
    users: Service,
    tasks: Service,
    gateway: Service,
    smtp: Smtp,
    collector: Collector,
    _rest: (Service, Service, RabbitMq, MariaDb, Etcd),
}

impl Site {
    async fn start() -> Site {
        let (broker, database, etcd, smtp, collector) = tokio::join!(
            RabbitMq::start(),
            MariaDb::start(),
            Etcd::start(),
            Smtp::start(),
            Collector::start()
        );
        let (etcd_at, bus, endpoint) = (etcd.endpoint(), broker.url(), collector.endpoint());
        let store = database.url("tasks").await;
        let service = async |name: &str, args: &[&str]| {
            let args = [&["--etcd", &*etcd_at], args].concat();
            Service::start_with(&format!("muster-{name}"), &args, &exporting_to(&endpoint)).await
        };
        let activity = service("activity", &[]).await;
        let notificator = service("notificator", &["--smtp", &smtp.url()]).await;
        let users = service("users", &[]).await;
        let tasks = service("tasks", &["--bus", &bus, "--store", &store]).await;
        let gateway = service("gateway", &["--bus", &bus]).await;
        Site {
            users,
            tasks,
            gateway,
            smtp,
            collector,
            _rest: (activity, notificator, broker, database, etcd),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_trace_goes_from_two_requests_through_five_services_to_a_mail_and_a_socket() {
    let mut site = Site::start().await;
    let mut socket = subscribe(&site.gateway.addr()).await;
    sign_up(&site.users.addr()).await;
    complete(&site.gateway.addr()).await;
    let frame = timeout(DEADLINE, socket.next()).await.unwrap();
    let frame = frame.unwrap().unwrap().into_text().unwrap();
    assert!(frame.contains("has been completed"), "{frame}");

    let spans = site.collector.trace(TRACE, is_whole).await;
    let services: BTreeSet<&str> = spans.iter().map(|span| &*span.service).collect();
    let expected = ["activity", "gateway", "notificator", "tasks", "users"];
    let expected = expected.map(|name| format!("muster-{name}"));
    assert_eq!(services, expected.iter().map(String::as_str).collect());
    let failed: Vec<&Span> = spans.iter().filter(|span| span.is_error).collect();
    assert!(failed.is_empty(), "{failed:#?}");

    assert_eq!(
        way_to(&spans, "deliver mail"),
        [
            "users: POST /create",
            "users: offer welcome mail",
            "users: muster.notificator.v1.NotificatorService/Send",
            "notificator: muster.notificator.v1.NotificatorService/Send",
            "notificator: deliver mail",
        ]
    );
    let completed = [
        "gateway: POST /muster.tasks.v1.TasksService/{method}",
        "gateway: muster.tasks.v1.TasksService/UpdateTask",
        "tasks: muster.tasks.v1.TasksService/UpdateTask",
    ];
    let told = [&completed[..], &["gateway: send to client"]].concat();
    assert_eq!(way_to(&spans, "send to client"), told);
    let stored = [
        "tasks: publish muster.events:muster.tasks.task.completed",
        "gateway: process muster.gateway",
        "gateway: append events",
        "gateway: muster.activity.v1.ActivityService/Append",
        "activity: muster.activity.v1.ActivityService/Append",
    ];
    assert_eq!(way_to(&spans, APPEND), [&completed[..], &stored].concat());

    assert_eq!(site.smtp.mails().len(), 1);
    for (service, line) in [
        (&mut site.tasks, "Message published"),
        (&mut site.gateway, "Message received from MQ"),
    ] {
        let log = service.process().stderr();
        let line = log.lines().find(|of| of.contains(line)).unwrap();
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["trace_id"], TRACE, "{line}");
    }
}

/// It has come to all of its ends, and of each span the parent is there.
fn is_whole(spans: &[Span]) -> bool {
    let has = |(service, name): (&str, &str)| {
        spans
            .iter()
            .any(|span| span.service == service && span.name == name)
    };
    let ids: BTreeSet<&str> = spans.iter().map(|span| &*span.id).collect();
    let has_parent = |span: &Span| span.parent == CALLER || ids.contains(&*span.parent);
    let ends = [
        ("muster-notificator", "deliver mail"),
        ("muster-gateway", "send to client"),
        ("muster-activity", APPEND),
    ];
    ends.into_iter().all(has) && spans.iter().all(has_parent)
}

/// From the caller to the last span of a name: service and name of each.
fn way_to(spans: &[Span], name: &str) -> Vec<String> {
    let of_name = spans.iter().filter(|span| span.name == name);
    let parents: BTreeSet<&str> = spans.iter().map(|span| &*span.parent).collect();
    let mut last = of_name.filter(|span| !parents.contains(&*span.id));
    let mut way = Vec::new();
    let mut next = last.next();
    while let Some(span) = next {
        let service = span.service.trim_start_matches("muster-");
        way.insert(0, format!("{service}: {}", span.name));
        next = spans.iter().find(|parent| parent.id == span.parent);
    }
    way
}

async fn sign_up(users: &str) {
    let url = format!("http://{users}/create");
    let answer = curl(&["-H", &header(), "-d", r#"{"email":"ann"}"#, &url]).await;
    assert_eq!(answer.ok(), r#"{"e0":null}"#);
}

async fn complete(gateway: &str) {
    let url = format!("http://{gateway}/muster.tasks.v1.TasksService/UpdateTask");
    let body = json!({"id": "1", "status": "TASK_STATUS_COMPLETED"}).to_string();
    let json = "Content-Type: application/json";
    let answer = curl(&["-f", "-H", &header(), "-H", json, "-d", &body, &url]).await;
    let answer: Value = serde_json::from_str(&answer.ok()).unwrap();
    assert_eq!(answer["task"]["id"], "1");
}

type Socket =
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// Subscribed to the tasks of user 1, and live.
async fn subscribe(gateway: &str) -> Socket {
    let (mut socket, _) = connect_async(format!("ws://{gateway}/")).await.unwrap();
    let subscribe = json!({"type": "subscribe", "user_id": 1, "after": ""});
    let sent = socket.send(Message::text(subscribe.to_string())).await;
    sent.unwrap();
    loop {
        let frame = socket.next().await.unwrap().unwrap();
        let frame: Value = serde_json::from_str(frame.to_text().unwrap()).unwrap();
        if frame["type"] == "live" {
            return socket;
        }
    }
}
