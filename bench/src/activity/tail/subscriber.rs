//! Following, with as little work as a client can have.

use std::time::Instant;

use bytes::Bytes;
use muster_kit::channel::Channel;
use muster_proto::muster::activity::v1 as pb;
use prost::Message as _;
use tokio::task::JoinHandle;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Streaming};

use crate::activity::codec::Encoded;
use crate::failure::Failure;

const TAIL: PathAndQuery = PathAndQuery::from_static("/muster.activity.v1.ActivityService/Tail");

/// A TailResponse whose events stay as they came: a hundred subscribers share the cores with the service.
#[derive(Clone, PartialEq, prost::Message)]
struct Told {
    #[prost(message, optional, tag = "1")]
    batch: Option<Batch>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    live: Option<Bytes>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Batch {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    events: Vec<Bytes>,
}

/// Follows on a connection of its own; live when this returns. The task ends after `count` events: when each came.
pub(super) async fn start(
    addr: &str,
    count: u64,
) -> Result<JoinHandle<Result<Vec<Instant>, Failure>>, Failure> {
    let request = pb::TailRequest {
        from_end: true,
        follow: true,
        ..pb::TailRequest::default()
    };
    let request = Bytes::from(request.encode_to_vec());
    let mut grpc = Grpc::new(Channel::to(addr));
    let told = grpc.server_streaming(Request::new(request), TAIL, Encoded::<Told>::default());
    let mut told = told.await?.into_inner();
    while next(&mut told).await?.live.is_none() {}
    Ok(tokio::spawn(follow(told, count)))
}

async fn follow(mut told: Streaming<Told>, count: u64) -> Result<Vec<Instant>, Failure> {
    let mut received = Vec::with_capacity(count as usize);
    while received.len() < count as usize {
        let events = next(&mut told).await?.batch.unwrap_or_default().events;
        let now = Instant::now();
        received.extend(events.iter().map(|_| now));
    }
    Ok(received)
}

async fn next(told: &mut Streaming<Told>) -> Result<Told, Failure> {
    let next = told.message().await?;
    next.ok_or_else(|| Failure::new("the tail ended"))
}
