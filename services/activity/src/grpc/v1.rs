//! `muster.activity.v1`: proto ⇄ domain.

use std::sync::Arc;

use muster_kit::Shutdown;
use muster_kit::stream::{UntilShutdown, until_shutdown};
use muster_proto::muster::activity::v1 as pb;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status, Streaming};

use crate::error::Error;
use crate::listing;
use crate::store::Store;
use crate::tail::Feed;
use append_stream::Answers;
use muster_kit::clock::now_ns;
use tail::Batches;

mod append;
mod append_stream;
mod filter;
mod list;
mod message;
mod tail;
mod time;
mod trim;

/// Tails that are open at the same time: each may hold a batch for a client that takes its time.
const TAILS: usize = 1_024;

/// `muster.activity.v1.ActivityService` on a store.
#[derive(Debug, Clone)]
pub struct Api {
    store: Store,
    feed: Feed,
    tails: Arc<Semaphore>,
    shutdown: Shutdown,
}

impl Api {
    /// Serves the events of this store; streams end on a shutdown.
    pub fn new(store: Store, shutdown: Shutdown) -> Api {
        Api {
            feed: Feed::new(store.clone()),
            store,
            tails: Arc::new(Semaphore::new(TAILS)),
            shutdown,
        }
    }
}

#[tonic::async_trait]
impl pb::activity_service_server::ActivityService for Api {
    async fn append(
        &self,
        request: Request<pb::AppendRequest>,
    ) -> Result<Response<pb::AppendResponse>, Status> {
        let request = request.into_inner();
        let batch = append::batch(request.events, request.expected_last_position, now_ns())?;
        let results = append::results(self.store.append_batch(batch).await?);
        Ok(Response::new(pb::AppendResponse { results }))
    }

    type AppendStreamStream = UntilShutdown<Answers>;

    async fn append_stream(
        &self,
        request: Request<Streaming<pb::AppendStreamRequest>>,
    ) -> Result<Response<Self::AppendStreamStream>, Status> {
        let answers = append_stream::answers(self.store.clone(), request.into_inner());
        Ok(Response::new(until_shutdown(answers, &self.shutdown)))
    }

    async fn list(
        &self,
        request: Request<pb::ListRequest>,
    ) -> Result<Response<pb::ListResponse>, Status> {
        let request = list::request(request.into_inner()).map_err(Error::from)?;
        let listing = listing::list(&self.store, request).await?;
        Ok(Response::new(list::response(listing)))
    }

    type TailStream = UntilShutdown<Batches>;

    async fn tail(
        &self,
        request: Request<pb::TailRequest>,
    ) -> Result<Response<Self::TailStream>, Status> {
        let request = request.into_inner();
        let event_cursors = request.event_cursors;
        let request = tail::request(request).map_err(Error::from)?;
        let place = Arc::clone(&self.tails).try_acquire_owned();
        let place = place.map_err(|_| Error::TooManyTails { limit: TAILS })?;
        let batches = tail::batches(self.feed.tail(request), event_cursors, place);
        Ok(Response::new(until_shutdown(batches, &self.shutdown)))
    }

    async fn trim(
        &self,
        request: Request<pb::TrimRequest>,
    ) -> Result<Response<pb::TrimResponse>, Status> {
        let trim = trim::trim(request.into_inner()).map_err(Error::from)?;
        let removed = trim.run(&self.store).await?;
        Ok(Response::new(pb::TrimResponse {
            removed_events: i64::try_from(removed).unwrap_or(i64::MAX),
        }))
    }

    async fn set_retention(
        &self,
        request: Request<pb::SetRetentionRequest>,
    ) -> Result<Response<pb::SetRetentionResponse>, Status> {
        let (prefix, max_age) = trim::retention(request.into_inner()).map_err(Error::from)?;
        self.store.set_retention(prefix, max_age).await?;
        Ok(Response::new(pb::SetRetentionResponse {}))
    }

    async fn get_stats(
        &self,
        _request: Request<pb::GetStatsRequest>,
    ) -> Result<Response<pb::GetStatsResponse>, Status> {
        let stats = self.store.stats().await?;
        Ok(Response::new(pb::GetStatsResponse {
            store_id: self.store.id().to_string(),
            events: stats.events,
            topics: stats.topics,
            first_position: stats.first_position,
            last_position: stats.last_position,
            size_bytes: i64::try_from(stats.size_bytes).unwrap_or(i64::MAX),
            retentions: self
                .store
                .retentions()
                .iter()
                .map(trim::retention_told)
                .collect(),
        }))
    }
}
