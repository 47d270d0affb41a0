//! `muster.activity.v1`: proto ⇄ domain.

use muster_proto::muster::activity::v1 as pb;
use tonic::{Request, Response, Status};

use super::now_ns;
use crate::store::Store;

mod append;
mod time;

/// `muster.activity.v1.ActivityService` on a store.
#[derive(Debug, Clone)]
pub struct Api {
    store: Store,
}

impl Api {
    /// Serves the events of this store.
    pub fn new(store: Store) -> Api {
        Api { store }
    }
}

#[tonic::async_trait]
impl pb::activity_service_server::ActivityService for Api {
    async fn append(
        &self,
        request: Request<pb::AppendRequest>,
    ) -> Result<Response<pb::AppendResponse>, Status> {
        let batch = append::batch(request.into_inner(), now_ns())?;
        let fates = self.store.append_batch(batch).await?;
        Ok(Response::new(append::response(fates)))
    }
}
