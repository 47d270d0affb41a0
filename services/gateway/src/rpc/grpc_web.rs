//! gRPC-Web: the frames of gRPC in the body of a plain HTTP answer, and its trailers as one more frame.

mod frame;
mod pump;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use muster_kit::Shutdown;
use muster_kit::status;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tonic::Status;
use tonic::codec::Streaming;

use super::call::Call;
use super::method::Method;
use super::wire::{self, Encoding};
use super::{Edge, LONGEST_CALL, late};

/// How long a client may leave an answer unread.
const PATIENCE: Duration = Duration::from_secs(60);

/// Passes a call on, and answers it.
pub(super) async fn answer(
    edge: &Edge,
    method: &Method,
    encoding: Encoding,
    request: Request,
) -> Response {
    let begun = timeout(LONGEST_CALL, begin(edge, method, encoding, request)).await;
    let body = match begun.unwrap_or_else(|_| Err(late())) {
        Ok(answers) => {
            let frames = pump::pumped(frames(answers, encoding), PATIENCE);
            Body::from_stream(frames.map(Ok::<_, Infallible>))
        }
        Err(status) => frame::trailers(encoding, &of_status(&status)).into(),
    };
    ([(CONTENT_TYPE, encoding.content_type())], body).into_response()
}

/// What a service answers, on its way.
struct Answers {
    messages: Streaming<Bytes>,
    /// A stream that would otherwise go on ends with the gateway.
    stop: Option<Shutdown>,
    _slot: Option<OwnedSemaphorePermit>,
}

async fn begin(
    edge: &Edge,
    method: &Method,
    encoding: Encoding,
    request: Request,
) -> Result<Answers, Status> {
    let (head, body) = request.into_parts();
    wire::is_plain(&head.headers)?;
    let slot = match method.is_streaming {
        true => Some(slot(edge)?),
        false => None,
    };
    let received = edge.room.receive(body).await?;
    let call = Call {
        message: frame::message(encoding, received.bytes)?,
        timeout: head.headers.get("grpc-timeout").cloned(),
    };
    let channel = edge.channel(method)?;
    Ok(Answers {
        messages: call.stream(channel, method).await?,
        stop: method.is_streaming.then(|| edge.shutdown.clone()),
        _slot: slot,
    })
}

fn slot(edge: &Edge) -> Result<OwnedSemaphorePermit, Status> {
    let slot = Arc::clone(&edge.streams).try_acquire_owned();
    slot.map_err(|_| status::exhausted("too many streams are open: try again later"))
}

/// A frame for each message, and one for the trailers, which is the last.
fn frames(answers: Answers, encoding: Encoding) -> impl Stream<Item = Bytes> {
    stream::unfold(Some(answers), move |answers| async move {
        let mut answers = answers?;
        Some(match answers.next().await {
            Ok(message) => (frame::data(encoding, &message), Some(answers)),
            Err(trailers) => (frame::trailers(encoding, &trailers), None),
        })
    })
}

impl Answers {
    /// The next message, or the trailers.
    async fn next(&mut self) -> Result<Bytes, HeaderMap> {
        let stopped = async {
            match &self.stop {
                Some(stop) => stop.cancelled().await,
                None => std::future::pending().await,
            }
        };
        let message = tokio::select! {
            biased;
            () = stopped => Err(status::unavailable("the gateway is stopping")),
            message = self.messages.message() => message,
        };
        match message {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(self.end().await),
            Err(status) => Err(of_status(&status)),
        }
    }

    /// The trailers of a call that went well.
    async fn end(&mut self) -> HeaderMap {
        match self.messages.trailers().await {
            Ok(trailers) => {
                let mut trailers = trailers.unwrap_or_default().into_headers();
                trailers.extend(of_status(&Status::ok("")));
                trailers
            }
            Err(status) => of_status(&status),
        }
    }
}

fn of_status(status: &Status) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        // Its metadata cannot be written as headers: the code can.
        let _fits = Status::new(status.code(), "").add_header(&mut trailers);
    }
    trailers
}
