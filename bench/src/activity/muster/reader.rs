//! Reading all events of a deployment.

use std::time::{Duration, Instant};

use activity::activity_events_client::ActivityEventsClient;
use muster_kit::channel::Channel;
use muster_proto::compat::activity;
use muster_proto::muster::activity::v1 as pb;
use pb::activity_service_client::ActivityServiceClient;
use pb::event_filter::Topics;
use pb::tail_response::Message;

use crate::failure::Failure;

/// A client on one connection.
pub(crate) struct Reader {
    compat: ActivityEventsClient<Channel>,
    own: ActivityServiceClient<Channel>,
}

/// What came, and when.
pub(crate) struct Read {
    pub(crate) events: u64,
    pub(crate) to_first: Duration,
    pub(crate) to_last: Duration,
}

impl Reader {
    pub(super) fn to(addr: &str) -> Reader {
        let channel = Channel::to(addr);
        Reader {
            compat: ActivityEventsClient::new(channel.clone()),
            own: ActivityServiceClient::new(channel),
        }
    }

    /// By ListEvents.
    pub(crate) async fn list(&self, deployment: i32) -> Result<Read, Failure> {
        let mut watch = Watch::start();
        let request = activity::Deployment { id: deployment };
        let mut events = self.compat.clone().list_events(request).await?.into_inner();
        while events.message().await?.is_some() {
            watch.seen(1);
        }
        Ok(watch.stop())
    }

    /// By Tail without follow.
    pub(crate) async fn tail(&self, deployment: i32) -> Result<Read, Failure> {
        let mut watch = Watch::start();
        let mut batches = self
            .own
            .clone()
            .tail(tail_request(deployment))
            .await?
            .into_inner();
        while let Some(told) = batches.message().await? {
            if let Some(Message::Batch(batch)) = told.message {
                watch.seen(batch.events.len() as u64);
            }
        }
        Ok(watch.stop())
    }
}

fn tail_request(deployment: i32) -> pb::TailRequest {
    let topic = Topics::Topic(format!("deployment/{deployment}"));
    pb::TailRequest {
        filter: Some(pb::EventFilter {
            topics: Some(topic),
            ..pb::EventFilter::default()
        }),
        ..pb::TailRequest::default()
    }
}

/// Counts events and notes when the first came.
struct Watch {
    start: Instant,
    first: Option<Instant>,
    events: u64,
}

impl Watch {
    fn start() -> Watch {
        Watch {
            start: Instant::now(),
            first: None,
            events: 0,
        }
    }

    fn seen(&mut self, events: u64) {
        if events > 0 {
            self.first.get_or_insert_with(Instant::now);
        }
        self.events += events;
    }

    fn stop(self) -> Read {
        let to_last = self.start.elapsed();
        Read {
            events: self.events,
            to_first: self.first.map_or(to_last, |first| first - self.start),
            to_last,
        }
    }
}
