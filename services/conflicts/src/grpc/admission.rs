//! Room for large requests, had before they are received.
//!
//! A gRPC message tells its length ahead of itself. While a request waits for its room, the
//! windows of HTTP/2 hold its sender back, so that nothing is received that there is no room for.

use std::future::ready;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, BodyStream, Limited, StreamBody};
use metrics::gauge;
use prost::bytes::{Bytes, BytesMut};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::body::Body;

use crate::{REQUEST_BYTES_MAX, REQUESTS_BYTES_MAX};

/// Requests below this are taken at once: they fit into a window of HTTP/2 anyway, and the work
/// is a few milliseconds at most.
const LARGE_BYTES: usize = 64 * 1024;

/// Length of what precedes a message: a flag, and the length of the message in four bytes.
const PREFIX_BYTES: usize = 5;

/// Room for one request, its work and its answer; given back when the last copy is dropped.
pub(super) type Room = Arc<OwnedSemaphorePermit>;

/// The bytes of large requests that are under way together.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    bytes: Arc<Semaphore>,
}

impl Default for Admission {
    fn default() -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(REQUESTS_BYTES_MAX)),
        }
    }
}

impl Admission {
    /// Waits until there is room for a request, in the order of arrival; a small one needs none.
    /// The body that it returns ends with the message.
    pub(super) async fn admit(&self, mut body: Body) -> (Body, Option<Room>) {
        let start = start(&mut body).await;
        let length = message_bytes(&start);
        let room = match length {
            // Beyond the limit it is refused without being received.
            LARGE_BYTES..=REQUEST_BYTES_MAX => self.room(length).await,
            _ => None,
        };
        let start = stream::once(ready(Ok(Frame::data(start))));
        let whole = StreamBody::new(start.chain(BodyStream::new(body)));
        (Body::new(Limited::new(whole, PREFIX_BYTES + length)), room)
    }

    /// Tells what they take.
    pub(super) fn tell(&self) {
        let taken = REQUESTS_BYTES_MAX.saturating_sub(self.bytes.available_permits());
        gauge!("conflicts_large_requests_bytes").set(taken as f64);
        gauge!("conflicts_large_requests_limit_bytes").set(REQUESTS_BYTES_MAX as f64);
    }

    async fn room(&self, bytes: usize) -> Option<Room> {
        let bytes = u32::try_from(bytes).ok()?;
        let room = Arc::clone(&self.bytes).acquire_many_owned(bytes).await;
        room.ok().map(Arc::new)
    }
}

/// What comes until the length of the message is known, or the body ends.
async fn start(body: &mut Body) -> Bytes {
    let mut start = BytesMut::new();
    while start.len() < PREFIX_BYTES
        && let Some(Ok(frame)) = body.frame().await
        && let Ok(data) = frame.into_data()
    {
        start.extend_from_slice(&data);
    }
    start.freeze()
}

fn message_bytes(start: &[u8]) -> usize {
    match start {
        [_flag, a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]) as usize,
        _ => 0,
    }
}
