//! muster-activity, as a user starts it.

use muster_kit::channel::Channel;
use muster_proto::compat::activity::EventRequest;
use muster_proto::muster::activity::v1 as pb;
use muster_testkit::Service;
use pb::activity_service_client::ActivityServiceClient;
use prost::Message;

use crate::activity::event::{Event, MESSAGE, Shape};
use crate::failure::Failure;
use crate::h2load::Post;

pub(crate) use self::append::{append, append_over, open, request};
pub(crate) use self::reader::{Read, Reader};

mod append;
mod reader;

/// The topic of [`Muster::filled`] that holds few events.
pub(crate) const SMALL_TOPIC: &str = "deployment/2";
/// How many it holds.
pub(crate) const SMALL_COUNT: u64 = 10;

/// Events of a batch while a store is filled.
const FILL_BATCH: u64 = 1_000;

/// A running muster-activity, killed when dropped.
pub(crate) struct Muster {
    pub(crate) service: Service,
}

impl Muster {
    /// Starts it on an empty store.
    pub(crate) async fn start() -> Muster {
        Muster::start_with(&[]).await
    }

    /// The same with these variables in its environment.
    pub(crate) async fn start_with(environment: &[(&str, &str)]) -> Muster {
        Muster {
            service: Service::start_with("muster-activity", &[], environment).await,
        }
    }

    /// Starts it and fills it: `count` events of deployment 1, and behind them the small topic.
    pub(crate) async fn filled(count: u64) -> Result<Muster, Failure> {
        let muster = Muster::start().await;
        let batches = Shape::OneTopic.batches(count, FILL_BATCH);
        let requests = batches.map(|batch| request(&batch));
        append(&muster.addr(), requests, 16).await?;
        let small = (1..=SMALL_COUNT).map(|id| Event {
            topic: SMALL_TOPIC.to_owned(),
            id: id.to_string(),
        });
        let small = request(&small.collect::<Vec<_>>());
        append(&muster.addr(), [small].into_iter(), 1).await?;
        Failure::unless_all(muster.stored().await?, count + SMALL_COUNT)?;
        Ok(muster)
    }

    pub(crate) fn addr(&self) -> String {
        self.service.addr()
    }

    /// Reads over a connection of its own.
    pub(crate) fn reader(&self) -> Reader {
        Reader::to(&self.addr())
    }

    /// A connection of its own.
    pub(crate) fn client(&self) -> ActivityServiceClient<Channel> {
        ActivityServiceClient::new(Channel::to(&self.addr()))
    }

    /// CreateEvent, always with the same event, which has no id, so that the service gives it one.
    pub(crate) fn create_event(&self) -> Post {
        create_event(&self.addr())
    }

    /// How many events it holds.
    pub(crate) async fn stored(&self) -> Result<u64, Failure> {
        let stats = self.client().get_stats(pb::GetStatsRequest {}).await?;
        Ok(stats.into_inner().events as u64)
    }
}

/// CreateEvent of a server, as h2load calls it.
pub(crate) fn create_event(addr: &str) -> Post {
    let event = EventRequest {
        message: MESSAGE.to_owned(),
        deployment_id: 1,
        ..EventRequest::default()
    };
    // Not compressed, the length, the event.
    let mut body = vec![0];
    body.extend((event.encoded_len() as u32).to_be_bytes());
    body.extend(event.encode_to_vec());
    Post {
        url: format!("http://{addr}/activityevents.ActivityEvents/CreateEvent"),
        headers: &["content-type: application/grpc", "te: trailers"],
        body,
    }
}
