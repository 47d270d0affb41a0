//! The compatibility API `activityevents`: proto ⇄ domain.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use futures_util::{Stream, StreamExt, stream};
use muster_proto::compat::activity as pb;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status};

use crate::deployment;
use crate::error::Error;
use crate::event::{Event, NewEvent};
use crate::store::{Page, Selection, Store};

/// Listings that are open at the same time: each may hold a page for a client that takes its
/// time.
const LISTINGS: usize = 512;

/// `activityevents.ActivityEvents` on a store.
#[derive(Debug, Clone)]
pub struct Compat {
    store: Store,
    listings: Arc<Semaphore>,
}

impl Compat {
    /// Serves the events of this store.
    pub fn new(store: Store) -> Compat {
        Compat {
            store,
            listings: Arc::new(Semaphore::new(LISTINGS)),
        }
    }

    fn open_listing(&self, deployment: i32) -> Result<Listing, Error> {
        let place = Arc::clone(&self.listings).try_acquire_owned();
        let selection = match deployment {
            0 => Selection::Prefix(deployment::PREFIX.to_owned()),
            one => Selection::Topic(deployment::topic(one)),
        };
        Ok(Listing {
            store: self.store.clone(),
            selection,
            next: Some(0),
            end: self.store.last_position(),
            _place: place.map_err(|_| Error::TooManyListings { limit: LISTINGS })?,
        })
    }
}

#[tonic::async_trait]
impl pb::activity_events_server::ActivityEvents for Compat {
    async fn create_event(
        &self,
        request: Request<pb::EventRequest>,
    ) -> Result<Response<pb::EventResponse>, Status> {
        let event = new_event(request.into_inner(), now_ns())?;
        let event = self.store.append(event).await?.into_event();
        Ok(Response::new(pb::EventResponse {
            id: deployment::number(&event.id).unwrap_or_default(),
            success: true,
            execution_time: event.execution_time_ms(),
        }))
    }

    type ListEventsStream = Pin<Box<dyn Stream<Item = Result<pb::EventRequest, Status>> + Send>>;

    async fn list_events(
        &self,
        request: Request<pb::Deployment>,
    ) -> Result<Response<Self::ListEventsStream>, Status> {
        let listing = self.open_listing(request.into_inner().id)?;
        Ok(Response::new(Box::pin(listing.events())))
    }
}

/// The events that were there when it began, read page by page as the client takes them.
struct Listing {
    store: Store,
    selection: Selection,
    /// The position after which the next page begins; `None` after the last.
    next: Option<i64>,
    end: i64,
    _place: OwnedSemaphorePermit,
}

impl Listing {
    fn events(self) -> impl Stream<Item = Result<pb::EventRequest, Status>> + Send {
        let pages = stream::unfold(self, |mut listing| async move {
            let page = listing.next_page().await?;
            Some((page, listing))
        });
        pages.flat_map(|page| match page {
            Ok(page) => stream::iter(page.events.into_iter().filter_map(event))
                .map(Ok)
                .left_stream(),
            Err(error) => stream::iter([Err(Status::from(error))]).right_stream(),
        })
    }

    async fn next_page(&mut self) -> Option<Result<Page, Error>> {
        let after = self.next.take()?;
        let page = self
            .store
            .page(self.selection.clone(), after, self.end)
            .await;
        if let Ok(page) = &page {
            self.next = page.next;
        }
        Some(page)
    }
}

fn new_event(request: pb::EventRequest, receive_ns: i64) -> Result<NewEvent, Error> {
    let send_ns = request.timestamp.map_or(receive_ns, |times| times.send);
    NewEvent::of_deployment(
        request.deployment_id,
        request.id,
        request.message,
        send_ns,
        receive_ns,
    )
}

/// The event as this API has it; `None` for one that is not of a deployment, or not by a number.
fn event(event: Event) -> Option<pb::EventRequest> {
    Some(pb::EventRequest {
        id: deployment::number(&event.id)?,
        deployment_id: deployment::of_topic(&event.topic)?,
        message: event.message,
        timestamp: Some(pb::Timestamp {
            send: event.send_ns,
            receive: event.receive_ns,
        }),
    })
}

fn now_ns() -> i64 {
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
}
