//! The compatibility API over a real socket.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::try_join_all;
use muster_activity::config::Config;
use muster_activity::error::Error;
use muster_activity::event::NewEvent;
use muster_activity::run;
use muster_activity::store::Store;
use muster_kit::channel::Channel;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::store::StoreUrl;
use muster_proto::compat::activity as pb;
use pb::activity_events_client::ActivityEventsClient;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

/// No answer takes that long.
const DEADLINE: Duration = Duration::from_secs(30);

/// A service on a store of its own.
struct Service {
    addr: String,
    client: ActivityEventsClient<Channel>,
    context: Context,
    running: JoinHandle<Result<(), Error>>,
}

impl Service {
    async fn start(folder: &TempDir) -> Service {
        let context = Context::for_test("activity");
        let listener = Listener::on_free_port().await.unwrap();
        let addr = listener.local_addr().to_string();
        let client = ActivityEventsClient::new(Channel::to(&addr));
        let config = Config {
            store: StoreUrl::Sqlite(database(folder.path())),
        };
        let running = tokio::spawn(run(config, listener, context.clone()));
        Service {
            addr,
            client,
            context,
            running,
        }
    }

    async fn create(&self, event: pb::EventRequest) -> Result<pb::EventResponse, Status> {
        let mut client = self.client.clone();
        let answer = timeout(DEADLINE, client.create_event(event)).await.unwrap();
        answer.map(tonic::Response::into_inner)
    }

    async fn list(&self, deployment: i32) -> Vec<pb::EventRequest> {
        let mut listing = open_listing(self.client.clone(), deployment).await;
        let mut events = Vec::new();
        while let Some(event) = next(&mut listing).await {
            events.push(event);
        }
        events
    }

    /// A listing on a connection of its own: streams that are not read hold up their connection.
    async fn open_listing_apart(&self, deployment: i32) -> Streaming<pb::EventRequest> {
        open_listing(
            ActivityEventsClient::new(Channel::to(&self.addr)),
            deployment,
        )
        .await
    }

    async fn stop(self) {
        self.context.shutdown.cancel();
        timeout(DEADLINE, self.running)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

fn database(folder: &Path) -> std::path::PathBuf {
    folder.join("activity.db")
}

async fn open_listing(
    mut client: ActivityEventsClient<Channel>,
    deployment: i32,
) -> Streaming<pb::EventRequest> {
    let listing = client.list_events(pb::Deployment { id: deployment });
    timeout(DEADLINE, listing)
        .await
        .unwrap()
        .unwrap()
        .into_inner()
}

async fn next(listing: &mut Streaming<pb::EventRequest>) -> Option<pb::EventRequest> {
    timeout(DEADLINE, listing.message()).await.unwrap().unwrap()
}

fn event(deployment_id: i32, id: i32, message: &str) -> pb::EventRequest {
    let timestamp = Some(pb::Timestamp {
        send: 1_000_000,
        receive: 42,
    });
    pb::EventRequest {
        id,
        message: message.into(),
        timestamp,
        deployment_id,
    }
}

fn ids(events: &[pb::EventRequest]) -> Vec<(i32, i32)> {
    events
        .iter()
        .map(|event| (event.deployment_id, event.id))
        .collect()
}

fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos() as i64
}

/// Stores events `1..=count` of deployment 1 in this order, without the service.
async fn fill(folder: &TempDir, count: i32) {
    let need = Context::for_test("activity").health.need("store");
    let store = Store::open(&StoreUrl::Sqlite(database(folder.path())), need)
        .await
        .unwrap();
    let event = NewEvent::of_deployment(1, 0, "built".into(), 0, 0).unwrap();
    let appends = (0..count).map(|_| store.append(event.clone()));
    try_join_all(appends).await.unwrap();
    store.close().await;
}

#[tokio::test]
async fn events_are_listed_in_the_order_of_their_creation_by_deployment_or_all() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    for (deployment, id) in [(1, 5), (2, 1), (1, -3), (-4, 9), (1, 2)] {
        let answer = service
            .create(event(deployment, id, "built"))
            .await
            .unwrap();
        assert_eq!((answer.id, answer.success), (id, true));
    }
    assert_eq!(ids(&service.list(1).await), [(1, 5), (1, -3), (1, 2)]);
    assert_eq!(ids(&service.list(-4).await), [(-4, 9)]);
    assert_eq!(
        ids(&service.list(0).await),
        [(1, 5), (2, 1), (1, -3), (-4, 9), (1, 2)]
    );
    assert_eq!(service.list(77).await, []);
    service.stop().await;
}

#[tokio::test]
async fn the_server_sets_the_time_of_receipt_and_keeps_the_time_of_sending() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let before = now_ns();
    let answer = service.create(event(1, 1, "built")).await.unwrap();
    let times = service.list(1).await[0].timestamp.unwrap();
    assert_eq!(times.send, 1_000_000);
    assert!(
        times.receive >= before && times.receive <= now_ns(),
        "{times:?}"
    );
    assert_eq!(
        answer.execution_time,
        (times.receive - times.send) / 1_000_000
    );
    service.stop().await;
}

#[tokio::test]
async fn an_event_without_a_timestamp_was_sent_when_it_was_received() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let untimed = pb::EventRequest {
        timestamp: None,
        ..event(1, 1, "built")
    };
    assert_eq!(service.create(untimed).await.unwrap().execution_time, 0);
    let times = service.list(1).await[0].timestamp.unwrap();
    assert_eq!(times.send, times.receive);
    service.stop().await;
}

#[tokio::test]
async fn an_event_from_the_future_took_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    for (id, send) in [(1, now_ns() + 3_600_000_000_000), (2, i64::MAX)] {
        let timestamp = Some(pb::Timestamp { send, receive: 0 });
        let early = pb::EventRequest {
            timestamp,
            ..event(1, id, "built")
        };
        assert_eq!(service.create(early).await.unwrap().execution_time, 0);
    }
    let timestamp = Some(pb::Timestamp {
        send: i64::MIN,
        receive: 0,
    });
    let ancient = pb::EventRequest {
        timestamp,
        ..event(1, 3, "built")
    };
    assert!(service.create(ancient).await.unwrap().execution_time > 9_223_372_036_854);
    service.stop().await;
}

#[tokio::test]
async fn the_same_again_gets_the_same_answer_and_is_listed_once() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let first = service.create(event(1, 7, "built")).await.unwrap();
    let listed = service.list(1).await;
    let timestamp = Some(pb::Timestamp {
        send: 99,
        receive: 99,
    });
    let again = pb::EventRequest {
        timestamp,
        ..event(1, 7, "built")
    };
    assert_eq!(service.create(again).await.unwrap(), first);
    assert_eq!(service.list(1).await, listed);
    service.stop().await;
}

#[tokio::test]
async fn an_id_with_another_message_already_exists() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    service.create(event(1, 7, "built")).await.unwrap();
    let refused = service.create(event(1, 7, "broken")).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(service.list(1).await[0].message, "built");
    service.stop().await;
}

#[tokio::test]
async fn an_absent_id_is_given_until_the_top_of_int32() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    assert_eq!(service.create(event(1, 0, "a")).await.unwrap().id, 1);
    assert_eq!(service.create(event(1, 0, "a")).await.unwrap().id, 2);
    assert_eq!(
        service.create(event(1, i32::MAX, "top")).await.unwrap().id,
        i32::MAX
    );
    let refused = service.create(event(1, 0, "a")).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(ids(&service.list(1).await), [(1, 1), (1, 2), (1, i32::MAX)]);
    service.stop().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_name_and_the_next_call_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let refused = service
        .create(event(1, 1, &"x".repeat(65_537)))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("message: "), "{refused}");
    assert_eq!(service.list(0).await, []);
    service
        .create(event(1, 1, &"x".repeat(65_536)))
        .await
        .unwrap();
    assert_eq!(service.list(0).await[0].message.len(), 65_536);
    service.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_what_proto3_makes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    assert_eq!(
        service
            .create(pb::EventRequest::default())
            .await
            .unwrap()
            .id,
        1
    );
    let listed = service.list(0).await;
    assert_eq!(ids(&listed), [(0, 1)]);
    assert_eq!(listed[0].message, "");
    service.stop().await;
}

#[tokio::test]
async fn topics_and_ids_of_others_are_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let need = Context::for_test("activity").health.need("store");
    let store = Store::open(&StoreUrl::Sqlite(database(folder.path())), need)
        .await
        .unwrap();
    let others = [
        ("user/1", "1"),
        ("deployment/01", "1"),
        ("deployment/1", "b4a9"),
        ("deployment/1/x", "1"),
        ("deployment/1", "3"),
    ];
    for (topic, id) in others {
        let event = NewEvent::of_deployment(1, 1, "a".into(), 0, 0).unwrap();
        store
            .append(NewEvent {
                topic: topic.into(),
                id: Some(id.into()),
                ..event
            })
            .await
            .unwrap();
    }
    store.close().await;
    let service = Service::start(&folder).await;
    assert_eq!(ids(&service.list(0).await), [(1, 3)]);
    assert_eq!(ids(&service.list(1).await), [(1, 3)]);
    service.stop().await;
}

#[tokio::test]
async fn a_slow_client_gets_all_in_order_and_keeps_nobody_waiting() {
    const COUNT: i32 = 50_000;
    let folder = tempfile::tempdir().unwrap();
    fill(&folder, COUNT).await;
    let service = Service::start(&folder).await;

    let mut slow = Vec::new();
    for _ in 0..16 {
        let mut listing = service.open_listing_apart(0).await;
        assert_eq!(next(&mut listing).await.unwrap().id, 1);
        slow.push(listing);
    }
    service
        .create(event(1, COUNT + 1, "meanwhile"))
        .await
        .unwrap();
    assert_eq!(service.list(1).await.len() as i32, COUNT + 1);

    let mut first = slow.swap_remove(0);
    for id in 2..=COUNT {
        assert_eq!(next(&mut first).await.unwrap().id, id);
    }
    assert_eq!(
        next(&mut first).await,
        None,
        "what came later is not part of the listing"
    );
    drop(slow);
    service.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_listed_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let creates = (1..=200).map(|id| service.create(event(id % 3 + 1, id, "built")));
    try_join_all(creates).await.unwrap();
    let listed = service.list(0).await;
    assert_eq!(listed.len(), 200);
    service.stop().await;
    let service = Service::start(&folder).await;
    assert_eq!(service.list(0).await, listed);
    service.stop().await;
}
