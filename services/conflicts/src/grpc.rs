//! `Scheduling.ConflictService`: events in, groups of events out.
//!
//! Messages are taken and given as bytes, so that what they will cost is known before they are
//! decoded, and their decoding and encoding is work like any other. Hence no generated server.

mod admission;
mod calendar;
mod codec;
mod workers;

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::BodyExt;
use muster_kit::metrics::{Observed, observe};
use muster_proto::compat::scheduling::conflict_service_server::SERVICE_NAME;
use prost::bytes::Bytes;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

use self::admission::{Admission, Room};
use self::codec::BytesCodec;
use self::workers::Workers;
use crate::REQUEST_BYTES_MAX;

const GET_CONFLICTS: &str = "/Scheduling.ConflictService/GetConflicts";

/// How long a call may take from its admission to the head of its answer, whatever its deadline:
/// others wait for its room. The largest request takes so long at 5 Mbit/s.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(120);

/// The contract that existing clients speak.
#[derive(Debug, Clone, Default)]
pub struct Compat {
    admission: Admission,
    workers: Workers,
}

impl NamedService for Compat {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for Compat {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                GET_CONFLICTS => service.get_conflicts(request).await,
                path => Status::unimplemented(format!("no method {path}")).into_http(),
            })
        })
    }
}

impl Compat {
    /// Tells what large requests take of what they may, whenever metrics are read.
    pub fn observe(&self) -> Observed {
        let service = self.clone();
        observe(move || {
            service.admission.tell();
            service.workers.tell();
        })
    }

    async fn get_conflicts(self, request: http::Request<Body>) -> http::Response<Body> {
        let (head, body) = request.into_parts();
        let (body, room) = self.admission.admit(body).await;
        let call = Call {
            workers: self.workers,
            room: room.clone(),
        };
        let mut grpc = Grpc::new(BytesCodec).max_decoding_message_size(REQUEST_BYTES_MAX);
        let answering = grpc.unary(call, http::Request::from_parts(head, body));
        match timeout(CALL_TIMEOUT, answering).await {
            Ok(answer) => answer.map(|body| held(body, room)),
            Err(_elapsed) => Status::deadline_exceeded("the request took too long").into_http(),
        }
    }
}

/// The body of an answer, for which there must be room until it is sent.
fn held(body: Body, room: Option<Room>) -> Body {
    let Some(room) = room else { return body };
    Body::new(body.map_frame(move |frame| {
        let _held = &room;
        frame
    }))
}

/// One call, its message received.
struct Call {
    workers: Workers,
    room: Option<Room>,
}

impl UnaryService<Bytes> for Call {
    type Response = Bytes;
    type Future = BoxFuture<Response<Bytes>, Status>;

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let (workers, room) = (self.workers.clone(), self.room.take());
        Box::pin(async move {
            let message = request.into_inner();
            let answer = match room {
                None => {
                    calendar::count(&message).and_then(|events| calendar::answer(message, events))
                }
                Some(room) => workers.answer(message, room).await,
            };
            Ok(Response::new(answer?))
        })
    }
}
