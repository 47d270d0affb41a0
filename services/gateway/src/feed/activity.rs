//! The activity service, as far as the live edge needs it.

use std::sync::Arc;
use std::time::Duration;

use muster_kit::channel::Channel;
use muster_proto::muster::activity::v1 as pb;
use pb::activity_service_client::ActivityServiceClient;
use pb::event_filter::Topics;
use pb::tail_response::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use crate::hub::{Event, Place};
use crate::protocol::Reason;

/// Pages that are read at one time: where thousands of sockets come back at once, they wait for
/// their turn here and not there.
const READS: usize = 32;
/// Pages that are in memory, for sockets that take their time.
const PAGES: usize = 1_024;
/// A page ends behind the batch with which it has so many events or bytes.
const PAGE_EVENTS: usize = 256;
const PAGE_BYTES: usize = 128 * 1024;
/// How long the store may take for a page, or to begin a tail.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The activity service. Clones share its limits.
#[derive(Clone)]
pub struct Activity {
    client: ActivityServiceClient<Channel>,
    reads: Arc<Semaphore>,
    pages: Arc<Semaphore>,
}

/// Some of the events behind a place.
pub(super) struct Page {
    /// What lies behind the cursor is not to be had: the page goes on from here.
    pub(super) reset: Option<(Reason, Place)>,
    pub(super) events: Vec<Arc<Event>>,
    /// Behind the page.
    pub(super) place: Place,
    /// There was more when it was read.
    pub(super) is_cut: bool,
    /// To be held as long as the page.
    pub(super) room: OwnedSemaphorePermit,
}

/// What a tail tells.
pub(super) enum News {
    /// Events, and how far the tail is.
    Events(Vec<Event>, Place),
    /// All that was there has been told.
    Live(Place),
    /// What lies between is not to be had: the tail goes on from here.
    Reset(Reason, Place),
}

impl Activity {
    /// The service at the other end of a channel.
    pub fn new(channel: Channel) -> Activity {
        Activity {
            client: ActivityServiceClient::new(channel),
            reads: Arc::new(Semaphore::new(READS)),
            pages: Arc::new(Semaphore::new(PAGES)),
        }
    }

    /// The client itself.
    pub fn client(&self) -> ActivityServiceClient<Channel> {
        self.client.clone()
    }

    /// Events behind a cursor (empty: from the first), once there is room for them.
    ///
    /// # Errors
    /// As the service's Tail; DEADLINE_EXCEEDED if it takes too long.
    pub(super) async fn page(
        &self,
        topics: Topics,
        kind: Option<&str>,
        cursor: String,
    ) -> Result<Page, Status> {
        let closed = |_| Status::unavailable("closed");
        let room = Arc::clone(&self.pages)
            .acquire_owned()
            .await
            .map_err(closed)?;
        let _turn = self.reads.acquire().await.map_err(closed)?;
        let request = pb::TailRequest {
            filter: Some(filter(topics, kind)),
            cursor,
            event_cursors: true,
            ..pb::TailRequest::default()
        };
        in_time(self.read_page(request, room)).await?
    }

    async fn read_page(
        &self,
        request: pb::TailRequest,
        room: OwnedSemaphorePermit,
    ) -> Result<Page, Status> {
        let mut tail = self.client.clone().tail(request).await?.into_inner();
        let (mut reset, mut events, mut bytes) = (None, Vec::new(), 0);
        let (place, is_cut) = loop {
            match news(&mut tail).await? {
                News::Reset(reason, place) if events.is_empty() => reset = Some((reason, place)),
                // Read again, it is the first that is told.
                News::Reset(..) => return Err(Status::aborted("trimmed meanwhile")),
                News::Live(place) => break (place, false),
                News::Events(more, place) => {
                    bytes += more.iter().map(Event::bytes).sum::<usize>();
                    events.extend(more.into_iter().map(Arc::new));
                    if events.len() >= PAGE_EVENTS || bytes >= PAGE_BYTES {
                        break (place, true);
                    }
                }
            }
        };
        Ok(Page {
            reset,
            events,
            place,
            is_cut,
            room,
        })
    }

    /// Begins a tail that goes on: behind a cursor, or with what comes from now on.
    ///
    /// # Errors
    /// As the service's Tail.
    pub(super) async fn follow(
        &self,
        topics: Topics,
        cursor: Option<String>,
    ) -> Result<Streaming<pb::TailResponse>, Status> {
        let request = pb::TailRequest {
            filter: Some(filter(topics, None)),
            from_end: cursor.is_none(),
            cursor: cursor.unwrap_or_default(),
            follow: true,
            event_cursors: true,
        };
        let mut client = self.client.clone();
        Ok(in_time(client.tail(request)).await??.into_inner())
    }
}

async fn in_time<T>(answer: impl Future<Output = T>) -> Result<T, Status> {
    let late = |_| Status::deadline_exceeded("the activity service takes too long");
    timeout(TIMEOUT, answer).await.map_err(late)
}

fn filter(topics: Topics, kind: Option<&str>) -> pb::EventFilter {
    pb::EventFilter {
        topics: Some(topics),
        kind: kind.unwrap_or_default().to_owned(),
        ..pb::EventFilter::default()
    }
}

/// What the tail tells next.
pub(super) async fn news(tail: &mut Streaming<pb::TailResponse>) -> Result<News, Status> {
    let ended = || Status::unavailable("the tail has ended");
    let told = tail.message().await?.ok_or_else(ended)?;
    match told.message {
        Some(Message::Batch(batch)) => events(batch),
        Some(Message::Live(live)) => Ok(News::Live(place(&live.cursor)?)),
        Some(Message::Reset(reset)) => {
            let reason = match reset.reason() {
                pb::ResetReason::OtherStore => Reason::OtherStore,
                pb::ResetReason::BehindEnd => Reason::BehindEnd,
                pb::ResetReason::Trimmed | pb::ResetReason::Unspecified => Reason::Trimmed,
            };
            Ok(News::Reset(reason, place(&reset.cursor)?))
        }
        None => Err(Status::internal("an empty answer of the activity service")),
    }
}

fn events(batch: pb::TailBatch) -> Result<News, Status> {
    if batch.events.len() != batch.event_cursors.len() {
        return Err(Status::internal("events without cursors"));
    }
    let cursors = batch.event_cursors.into_iter();
    let events = batch.events.into_iter().zip(cursors).map(event).collect();
    Ok(News::Events(events, place(&batch.cursor)?))
}

fn event((event, cursor): (pb::Event, String)) -> Event {
    Event {
        position: event.position,
        cursor: cursor.into(),
        topic: event.topic.into(),
        id: event.id.into(),
        kind: event.kind.into(),
        message: event.message.into(),
        attributes: event.attributes.into_iter().collect(),
        received_at: event.received_at.unwrap_or_default().to_string().into(),
        ..Event::default()
    }
}

fn place(cursor: &str) -> Result<Place, Status> {
    Place::parse(cursor).ok_or_else(|| Status::internal(format!("not a cursor: {cursor:?}")))
}

/// Whether the same call may succeed at another time.
pub(super) fn may_succeed_later(status: &Status) -> bool {
    status.code() != Code::InvalidArgument
}
