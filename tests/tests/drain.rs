//! A stop under load loses nothing, and ends by its deadline whatever clients do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use muster_kit::channel::Channel;
use muster_proto::compat::activity::activity_events_client::ActivityEventsClient;
use muster_proto::compat::activity::{Deployment, EventRequest};
use muster_proto::compat::presence::User;
use muster_proto::compat::presence::presence_client::PresenceClient;
use muster_proto::health::v1::HealthCheckRequest;
use muster_proto::health::v1::health_check_response::ServingStatus;
use muster_proto::health::v1::health_client::HealthClient;
use muster_testkit::{SERVICES, Service, eventually, report};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};
use tonic::{Code, Status, Streaming};

const DRAIN: Duration = Duration::from_secs(3);
/// What a process may take to leave after its drain, on a machine that does other things too.
const LEAVE: Duration = Duration::from_secs(2);
const SOON: Duration = Duration::from_secs(10);
const CALLERS: usize = 64;

/// Clients that hold on to the service: one that never says anything, and one that watches its health.
struct Clinging {
    _silent: TcpStream,
    watch: JoinHandle<Vec<ServingStatus>>,
}

impl Clinging {
    async fn to(addr: &str) -> Clinging {
        let silent = TcpStream::connect(addr).await.unwrap();
        let mut client = HealthClient::new(Channel::to(addr));
        let request = HealthCheckRequest {
            service: String::new(),
        };
        let mut changes = client.watch(request).await.unwrap().into_inner();
        let watch = tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Ok(Some(change)) = changes.message().await {
                seen.push(change.status());
            }
            seen
        });
        Clinging {
            _silent: silent,
            watch,
        }
    }

    /// What the watcher saw until its stream ended, which is when the service has gone.
    async fn saw(self) -> Vec<ServingStatus> {
        tokio::time::timeout(LEAVE, self.watch)
            .await
            .expect("the watch outlives the service")
            .unwrap()
    }
}

/// What one caller got: the ids that were acknowledged, and what ended it.
struct Calls {
    acknowledged: Vec<i32>,
    end: Status,
}

/// Creates one event after the other until that fails.
async fn call_until_refused(channel: Channel, next: Arc<AtomicI32>) -> Calls {
    let mut client = ActivityEventsClient::new(channel);
    let mut acknowledged = Vec::new();
    loop {
        let id = next.fetch_add(1, Ordering::Relaxed);
        let event = EventRequest {
            id,
            message: "under load".to_owned(),
            timestamp: None,
            deployment_id: 1,
        };
        match client.create_event(event).await {
            Ok(answer) => acknowledged.push(answer.into_inner().id),
            Err(end) => return Calls { acknowledged, end },
        }
    }
}

async fn listed(service: &Service) -> BTreeSet<i32> {
    let mut client = ActivityEventsClient::new(Channel::to(&service.addr()));
    let mut events = client
        .list_events(Deployment { id: 1 })
        .await
        .unwrap()
        .into_inner();
    let mut listed = BTreeSet::new();
    while let Some(event) = events.message().await.unwrap() {
        listed.insert(event.id);
    }
    listed
}

/// Asks for a stop, and fails unless the process ends well by its deadline.
async fn stops_in_time(service: &mut Service) {
    let start = Instant::now();
    let status = service.stop(DRAIN + LEAVE).await;
    assert!(status.success(), "{status}");
    let took = format!("{:.2?}", start.elapsed());
    report(
        "a stop with clients that hold on",
        took,
        format!("{DRAIN:?}"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_accepted_call_fails_when_the_service_is_stopped_under_load() {
    let mut service = Service::start("muster-activity", &["--drain", "3s"]).await;
    let clinging = Clinging::to(&service.addr()).await;
    let next = Arc::new(AtomicI32::new(1));
    let channels: Vec<Channel> = (0..4).map(|_| Channel::to(&service.addr())).collect();
    let caller =
        |number: usize| call_until_refused(channels[number % channels.len()].clone(), next.clone());
    let callers: JoinSet<Calls> = (0..CALLERS).map(caller).collect();
    eventually(Duration::from_secs(20), || async {
        (next.load(Ordering::Relaxed) > 2_000).then_some(())
    })
    .await;

    stops_in_time(&mut service).await;
    let calls = callers.join_all().await;
    for Calls { end, .. } in &calls {
        assert_eq!(
            end.code(),
            Code::Unavailable,
            "a call after the stop: {end}"
        );
    }
    let saw = clinging.saw().await;
    assert_eq!(saw, [ServingStatus::Serving, ServingStatus::NotServing]);

    // Accepted is what was stored: all of that must have been acknowledged, and nothing else.
    service.restart().await;
    let acknowledged: BTreeSet<i32> = calls
        .into_iter()
        .flat_map(|calls| calls.acknowledged)
        .collect();
    let listed = listed(&service).await;
    let failed: Vec<_> = listed.difference(&acknowledged).collect();
    assert!(failed.is_empty(), "accepted, and yet failed: {failed:?}");
    assert_eq!(listed, acknowledged);
}

#[tokio::test]
async fn every_service_ends_by_its_deadline_with_clients_that_hold_on_to_it() {
    // The gateway is not ready before it follows the events of one.
    let activity = Service::start("muster-activity", &[]).await;
    let peers = format!("activity={}", activity.addr());
    for name in SERVICES {
        let args = ["--drain", "3s", "--static", &peers];
        let mut service = Service::start(&format!("muster-{name}"), &args).await;
        let clinging = Clinging::to(&service.addr()).await;
        stops_in_time(&mut service).await;
        assert_eq!(
            clinging.saw().await,
            [ServingStatus::Serving, ServingStatus::NotServing],
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_stop_ends_the_streams_of_presence_at_once_and_says_why() {
    // The drain is not what ends them.
    let mut service = Service::start("muster-presence", &["--drain", "60s"]).await;
    let mut client = PresenceClient::new(Channel::to(&service.addr()));
    let albert = User {
        name: "Albert".to_owned(),
    };
    let connected = client.connect(albert.clone()).await.unwrap().into_inner();
    let mut monitor = client.monitor(albert).await.unwrap().into_inner();
    assert!(monitor.message().await.unwrap().unwrap().online);

    let status = service.stop(SOON).await;
    assert!(status.success(), "{status}");
    for end in [end(connected).await, end(monitor).await] {
        assert_eq!(end.unwrap().code(), Code::Unavailable);
    }
}

/// What ends a stream, behind whatever is still to be read of it; `None`: its last message.
async fn end<T>(mut stream: Streaming<T>) -> Option<Status> {
    loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => return None,
            Err(status) => return Some(status),
        }
    }
}

/// More than a client's window and all buffers on the way hold together.
async fn fill(client: &mut ActivityEventsClient<Channel>) {
    for id in 1..=200 {
        let event = EventRequest {
            id,
            message: "x".repeat(65_000),
            timestamp: None,
            deployment_id: 1,
        };
        client.create_event(event).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_its_client_does_not_let_end_is_cut_at_the_deadline() {
    let drain = Duration::from_secs(1);
    let mut service = Service::start("muster-activity", &["--drain", "1s"]).await;
    let mut client = ActivityEventsClient::new(Channel::to(&service.addr()));
    fill(&mut client).await;
    let mut never_read = client.list_events(Deployment { id: 1 }).await.unwrap();
    never_read.get_mut().message().await.unwrap().unwrap();

    let start = Instant::now();
    let status = service.stop(3 * drain).await;
    let took = start.elapsed();
    assert!(status.success(), "{status}");
    assert!(took >= drain, "nothing was left to be cut after {took:?}");
    report(
        "a stop with a call that does not end",
        format!("{took:.2?}"),
        format!("{drain:?}"),
    );
    assert!(
        end(never_read.into_inner()).await.is_some(),
        "the client's window holds the whole listing"
    );
}
