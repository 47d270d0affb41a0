//! The compatibility API `activityevents`: proto ⇄ domain.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use muster_proto::compat::activity as pb;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Request, Response, Status};

use crate::deployment;
use crate::error::Error;
use crate::event::{Event, NewEvent};
use crate::selection::Selection;
use crate::store::{Page, Store, Window};
use muster_kit::clock::now_ns;

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
            0 => Selection::prefix(deployment::PREFIX),
            one => Selection::topic(deployment::topic(one).into_string()),
        };
        Ok(Listing {
            store: self.store.clone(),
            selection: Arc::new(selection),
            rest: Some(Window::forwards(0, self.store.last_position())),
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
    selection: Arc<Selection>,
    /// What is to be read yet; `None` after the last page.
    rest: Option<Window>,
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
        let window = self.rest.take()?;
        let page = self.store.page(&self.selection, window).await;
        if let Ok(page) = &page {
            self.rest = page.next.map(|next| window.from(next));
        }
        Some(page)
    }
}

fn new_event(request: pb::EventRequest, receive_ns: i64) -> Result<NewEvent, Error> {
    let send_ns = request.timestamp.map_or(receive_ns, |times| times.send);
    let event = NewEvent::of_deployment(
        request.deployment_id,
        request.id,
        request.message,
        send_ns,
        receive_ns,
    );
    Ok(event?)
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
