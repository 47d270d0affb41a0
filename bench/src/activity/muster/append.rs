//! Batches over AppendStream, encoded before they are sent.

use std::time::{Duration, Instant};

use bytes::Bytes;
use muster_kit::channel::Channel;
use muster_proto::muster::activity::v1 as pb;
use prost::Message;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Request, Streaming};

use crate::activity::codec::Encoded;
use crate::activity::event::{Event, MESSAGE};
use crate::failure::Failure;

const APPEND_STREAM: PathAndQuery =
    PathAndQuery::from_static("/muster.activity.v1.ActivityService/AppendStream");

/// A request that appends these events.
pub(crate) fn request(events: &[Event]) -> Bytes {
    let events = events.iter().map(|event| pb::NewEvent {
        topic: event.topic.clone(),
        id: event.id.clone(),
        message: MESSAGE.to_owned(),
        ..pb::NewEvent::default()
    });
    let request = pb::AppendStreamRequest {
        events: events.collect(),
        expected_last_position: None,
    };
    request.encode_to_vec().into()
}

/// Opens a stream on a connection of its own: requests go in at one end, answers come out at the other.
pub(crate) async fn open(
    addr: &str,
    window: usize,
) -> Result<(mpsc::Sender<Bytes>, Streaming<pb::AppendStreamResponse>), Failure> {
    let (queue, queued) = mpsc::channel(window);
    let mut grpc = Grpc::new(Channel::to(addr));
    let requests = Request::new(ReceiverStream::new(queued));
    let answers = grpc.streaming(requests, APPEND_STREAM, Encoded::default());
    Ok((queue, answers.await?.into_inner()))
}

/// Appends over one connection, `window` requests unanswered at once; every event must be new.
pub(crate) async fn append(
    addr: &str,
    mut requests: impl Iterator<Item = Bytes> + Send,
    window: usize,
) -> Result<(), Failure> {
    let (queue, mut answers) = open(addr, window).await?;
    for request in requests.by_ref().take(window) {
        queue.send(request).await?;
    }
    let mut queue = Some(queue);
    while let Some(answer) = answers.message().await? {
        unless_stored(&answer)?;
        match (&queue, requests.next()) {
            (Some(queue), Some(request)) => queue.send(request).await?,
            // No more requests: the stream ends with the last answer.
            _ => queue = None,
        }
    }
    Ok(())
}

fn unless_stored(answer: &pb::AppendStreamResponse) -> Result<(), Failure> {
    let mut results = answer.results.iter();
    match results.find(|result| result.outcome() != pb::AppendOutcome::Stored) {
        Some(result) => Err(Failure::new(format!("muster answered {result:?}"))),
        None => Ok(()),
    }
}

/// Appends over several connections at once, each with its own requests: how long it took until the last answer
/// of all.
pub(crate) async fn append_over(
    addr: &str,
    hands: Vec<Vec<Bytes>>,
    window: usize,
) -> Result<Duration, Failure> {
    let start = Instant::now();
    let mut tasks = JoinSet::new();
    for requests in hands {
        let addr = addr.to_owned();
        tasks.spawn(async move { append(&addr, requests.into_iter(), window).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(start.elapsed())
}
