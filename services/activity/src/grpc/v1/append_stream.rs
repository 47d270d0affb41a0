//! Batches one behind the other.

use std::pin::Pin;

use futures_util::{Stream, StreamExt};
use muster_proto::muster::activity::v1 as pb;
use tonic::{Status, Streaming};

use super::append;
use crate::store::{Queued, Store};
use muster_kit::clock::now_ns;

/// Batches of one stream that wait for the disk; the bytes of all are bounded by the queue.
const IN_FLIGHT: usize = 64;

/// What a caller of AppendStream gets.
pub(super) type Answers =
    Pin<Box<dyn Stream<Item = Result<pb::AppendStreamResponse, Status>> + Send>>;

/// Queues each request in its turn, and answers in the same order.
pub(super) fn answers(store: Store, requests: Streaming<pb::AppendStreamRequest>) -> Answers {
    // One by one: requests that looked for a place all at once would come in any order.
    let queued = requests.then(move |request| queue(store.clone(), request));
    Box::pin(queued.map(answer).buffered(IN_FLIGHT))
}

async fn queue(
    store: Store,
    request: Result<pb::AppendStreamRequest, Status>,
) -> Result<Queued, Status> {
    let request = request?;
    let batch = append::batch(request.events, request.expected_last_position, now_ns())?;
    Ok(store.queue_batch(batch).await?)
}

async fn answer(queued: Result<Queued, Status>) -> Result<pb::AppendStreamResponse, Status> {
    let results = append::results(queued?.fates().await?);
    Ok(pb::AppendStreamResponse { results })
}
