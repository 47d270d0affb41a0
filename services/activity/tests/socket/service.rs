//! A service under test.

use std::future::ready;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use muster_activity::config::Config;
use muster_activity::error::Error;
use muster_activity::event::NewEvent;
use muster_activity::run;
use muster_activity::store::Store;
use muster_kit::channel::Channel;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::store::SqliteUrl;
use muster_proto::compat::activity as pb;
use muster_proto::muster::activity::v1;
use pb::activity_events_client::ActivityEventsClient;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::{Status, Streaming};
use v1::activity_service_client::ActivityServiceClient;
use v1::tail_response::Message;

/// No answer takes that long.
const DEADLINE: Duration = Duration::from_secs(30);

/// A service on a store of its own.
pub(crate) struct Service {
    addr: String,
    client: ActivityEventsClient<Channel>,
    v1: ActivityServiceClient<Channel>,
    context: Context,
    running: JoinHandle<Result<(), Error>>,
}

impl Service {
    pub(crate) async fn start(folder: &TempDir) -> Service {
        let context = Context::for_test("activity");
        let listener = Listener::on_free_port().await.unwrap();
        let addr = listener.local_addr().to_string();
        let client = ActivityEventsClient::new(Channel::to(&addr));
        let v1 = ActivityServiceClient::new(Channel::to(&addr));
        let config = Config {
            store: SqliteUrl(database(folder.path())),
        };
        let running = tokio::spawn(run(config, listener, context.clone()));
        Service {
            addr,
            client,
            v1,
            context,
            running,
        }
    }

    pub(crate) async fn create(
        &self,
        event: pb::EventRequest,
    ) -> Result<pb::EventResponse, Status> {
        let mut client = self.client.clone();
        let answer = timeout(DEADLINE, client.create_event(event)).await.unwrap();
        answer.map(tonic::Response::into_inner)
    }

    pub(crate) async fn list(&self, deployment: i32) -> Vec<pb::EventRequest> {
        let mut listing = open_listing(self.client.clone(), deployment).await;
        let mut events = Vec::new();
        while let Some(event) = next(&mut listing).await {
            events.push(event);
        }
        events
    }

    /// A listing on a connection of its own: streams that are not read hold up their connection.
    pub(crate) async fn open_listing_apart(&self, deployment: i32) -> Streaming<pb::EventRequest> {
        open_listing(
            ActivityEventsClient::new(Channel::to(&self.addr)),
            deployment,
        )
        .await
    }

    pub(crate) async fn append(
        &self,
        request: v1::AppendRequest,
    ) -> Result<Vec<v1::AppendResult>, Status> {
        let mut client = self.v1.clone();
        let answer = timeout(DEADLINE, client.append(request)).await.unwrap();
        answer.map(|answer| answer.into_inner().results)
    }

    pub(crate) async fn append_stream(
        &self,
        requests: impl Stream<Item = v1::AppendStreamRequest> + Send + 'static,
    ) -> Streaming<v1::AppendStreamResponse> {
        let mut client = self.v1.clone();
        let answers = timeout(DEADLINE, client.append_stream(requests)).await;
        answers.unwrap().unwrap().into_inner()
    }

    pub(crate) async fn page(&self, request: v1::ListRequest) -> Result<v1::ListResponse, Status> {
        let mut client = self.v1.clone();
        let answer = timeout(DEADLINE, client.list(request)).await.unwrap();
        answer.map(tonic::Response::into_inner)
    }

    pub(crate) async fn trim(&self, request: v1::TrimRequest) -> Result<i64, Status> {
        let mut client = self.v1.clone();
        let answer = timeout(DEADLINE, client.trim(request)).await.unwrap();
        answer.map(|answer| answer.into_inner().removed_events)
    }

    pub(crate) async fn set_retention(
        &self,
        request: v1::SetRetentionRequest,
    ) -> Result<(), Status> {
        let mut client = self.v1.clone();
        let answer = timeout(DEADLINE, client.set_retention(request)).await;
        answer.unwrap().map(drop)
    }

    pub(crate) async fn stats(&self) -> v1::GetStatsResponse {
        let mut client = self.v1.clone();
        let stats = client.get_stats(v1::GetStatsRequest {});
        timeout(DEADLINE, stats)
            .await
            .unwrap()
            .unwrap()
            .into_inner()
    }

    /// A tail on a connection of its own.
    pub(crate) async fn tail(&self, request: v1::TailRequest) -> Result<Tail, Status> {
        let mut client = ActivityServiceClient::new(Channel::to(&self.addr));
        let answer = timeout(DEADLINE, client.tail(request)).await.unwrap();
        answer.map(|answer| Tail(answer.into_inner()))
    }

    pub(crate) async fn stop(self) {
        self.context.shutdown.cancel();
        timeout(DEADLINE, self.running)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

/// A tail that is read.
pub(crate) struct Tail(Streaming<v1::TailResponse>);

impl Tail {
    /// What is told next; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>, Status> {
        let told = timeout(DEADLINE, self.0.message()).await.unwrap()?;
        Ok(told.map(|told| told.message.unwrap()))
    }

    /// Events until there are so many, and the last cursor.
    pub(crate) async fn take(&mut self, count: usize) -> (Vec<v1::Event>, String) {
        let (mut events, mut cursor) = (Vec::new(), String::new());
        while events.len() < count {
            if let Message::Batch(batch) = self.next().await.unwrap().unwrap() {
                events.extend(batch.events);
                cursor = batch.cursor;
            }
        }
        (events, cursor)
    }

    /// Waits until it is live.
    pub(crate) async fn live(&mut self) -> String {
        loop {
            if let Message::Live(live) = self.next().await.unwrap().unwrap() {
                return live.cursor;
            }
        }
    }
}

pub(crate) fn database(folder: &Path) -> std::path::PathBuf {
    folder.join("activity.db")
}

pub(crate) async fn open_listing(
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

pub(crate) async fn next(listing: &mut Streaming<pb::EventRequest>) -> Option<pb::EventRequest> {
    timeout(DEADLINE, listing.message()).await.unwrap().unwrap()
}

pub(crate) fn event(deployment_id: i32, id: i32, message: &str) -> pb::EventRequest {
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

/// An event of the own API.
pub(crate) fn new_event(topic: &str, id: &str, message: &str) -> v1::NewEvent {
    v1::NewEvent {
        topic: topic.into(),
        id: id.into(),
        message: message.into(),
        ..v1::NewEvent::default()
    }
}

/// A batch without an expected position.
pub(crate) fn batch(events: Vec<v1::NewEvent>) -> v1::AppendRequest {
    v1::AppendRequest {
        events,
        expected_last_position: None,
    }
}

pub(crate) fn ids(events: &[pb::EventRequest]) -> Vec<(i32, i32)> {
    events
        .iter()
        .map(|event| (event.deployment_id, event.id))
        .collect()
}

pub(crate) fn now_ns() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_nanos() as i64
}

/// Stores events `1..=count` of deployment 1 in this order, without the service.
pub(crate) async fn fill(folder: &TempDir, count: i32) {
    let need = Context::for_test("activity").health.need("store");
    let store = Store::open(&SqliteUrl(database(folder.path())), need)
        .await
        .unwrap();
    let event = NewEvent::of_deployment(1, 0, "built".into(), 0, 0).unwrap();
    let appends = stream::iter(0..count).map(|_| store.append(event.clone()));
    appends
        .buffer_unordered(1_000)
        .try_for_each(|_| ready(Ok(())))
        .await
        .unwrap();
    store.close().await;
}
