//! The service as its clients see it.

use std::time::Duration;

use muster_kit::channel::Channel;
use muster_proto::compat::activity::activity_events_client::ActivityEventsClient;
use muster_proto::compat::activity::{Deployment, EventRequest};
use muster_proto::muster::activity::v1 as pb;
use pb::activity_service_client::ActivityServiceClient;
use pb::tail_response::Message;
use tonic::{Request, Status};

/// What callers of their own accord allow a call that writes: longer than any takes.
const CALL_LIMIT: Duration = Duration::from_secs(20);

/// A client of both APIs; its clones use the same connection.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) compat: ActivityEventsClient<Channel>,
    pub(crate) v1: ActivityServiceClient<Channel>,
}

impl Client {
    pub(crate) fn of(addr: &str) -> Client {
        let channel = Channel::to(addr);
        Client {
            compat: ActivityEventsClient::new(channel.clone()),
            v1: ActivityServiceClient::new(channel),
        }
    }

    /// Creates an event; the id that it has.
    pub(crate) async fn create(&mut self, event: EventRequest) -> Result<i32, Status> {
        let answer = self.compat.create_event(timed(event)).await?.into_inner();
        assert!(answer.success, "{answer:?}");
        Ok(answer.id)
    }

    /// Appends events; the position of each.
    pub(crate) async fn append(&mut self, events: Vec<pb::NewEvent>) -> Result<Vec<i64>, Status> {
        let request = pb::AppendRequest {
            events,
            expected_last_position: None,
        };
        let answer = self.v1.append(timed(request)).await?.into_inner();
        Ok(positions(&answer.results))
    }

    /// Gives `take` each event behind the cursor; the cursor behind the last one.
    pub(crate) async fn tail(
        &mut self,
        cursor: String,
        mut take: impl FnMut(pb::Event),
    ) -> Result<String, Status> {
        let request = pb::TailRequest {
            cursor,
            ..pb::TailRequest::default()
        };
        let mut told = self.v1.tail(request).await?.into_inner();
        let mut last = String::new();
        while let Some(pb::TailResponse { message }) = told.message().await? {
            match message {
                Some(Message::Batch(batch)) => {
                    batch.events.into_iter().for_each(&mut take);
                    last = batch.cursor;
                }
                Some(Message::Live(live)) => last = live.cursor,
                other => panic!("a tail tells {other:?}"),
            }
        }
        Ok(last)
    }

    /// Gives `take` each event of all deployments.
    pub(crate) async fn list(&mut self, mut take: impl FnMut(EventRequest)) -> Result<(), Status> {
        let all = Deployment { id: 0 };
        let mut events = self.compat.list_events(all).await?.into_inner();
        while let Some(event) = events.message().await? {
            take(event);
        }
        Ok(())
    }

    pub(crate) async fn stats(&mut self) -> Result<pb::GetStatsResponse, Status> {
        let stats = self.v1.get_stats(pb::GetStatsRequest {}).await?;
        Ok(stats.into_inner())
    }
}

/// Where the events of an answer are; none may be told to say something else.
pub(crate) fn positions(results: &[pb::AppendResult]) -> Vec<i64> {
    let is_there = |result: &pb::AppendResult| {
        let there = [pb::AppendOutcome::Stored, pb::AppendOutcome::AlreadyThere];
        there.contains(&result.outcome())
    };
    assert!(results.iter().all(is_there), "{results:?}");
    results.iter().map(|result| result.position).collect()
}

/// A request that ends.
pub(crate) fn timed<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_LIMIT);
    request
}
