//! One link, over a stream that either end may have dialled.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use muster_kit::Shutdown;
use muster_kit::status;
use muster_proto::muster::presence::v1 as pb;
use pb::replication_service_client::ReplicationServiceClient;
use pb::replication_service_server::ReplicationService;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

use super::{Mesh, wire};
use crate::message::Message;
use crate::metrics;
use crate::replica::LinkId;

/// Messages that wait to be sent. What waits longer is gathered, or skipped, by the replica.
const OUTGOING: usize = 4;
/// How long votes wait for others to go with them.
const GATHER: Duration = Duration::from_millis(1);
/// How long a replica may take to answer a call.
const ANSWER: Duration = Duration::from_secs(1);
/// How long the last words may take to come and go.
const LAST_WORDS: Duration = Duration::from_millis(500);

type Heard = std::pin::Pin<Box<dyn Stream<Item = Result<pb::PeerMessage, Status>> + Send>>;

/// Links this replica with a member, until the link ends.
pub(super) async fn dial(mesh: &Arc<Mesh>, member: &str) -> Result<(), Status> {
    let (says, said) = mpsc::channel(OUTGOING);
    let said = ReceiverStream::new(said).map(|message| pb::ReplicateRequest {
        message: Some(message),
    });
    let mut client = ReplicationServiceClient::new(mesh.dial.clone().one(member));
    let linked = timeout(ANSWER, client.replicate(said)).await;
    let linked = linked.map_err(|_| status::unavailable("no answer in time"))?;
    let heard = linked?.into_inner();
    let heard = heard.map(|heard| Ok(heard?.message.unwrap_or_default()));
    // A task of its own: it goes on if discovery forgets the member.
    let link = tokio::spawn(Arc::clone(mesh).link(says, Box::pin(heard)));
    link.await.map_err(|error| status::internal(&error))
}

/// The calls of other replicas.
#[derive(Debug)]
pub struct Replication(pub Arc<Mesh>);

#[async_trait]
impl ReplicationService for Replication {
    type ReplicateStream =
        std::pin::Pin<Box<dyn Stream<Item = Result<pb::ReplicateResponse, Status>> + Send>>;

    async fn replicate(
        &self,
        request: Request<Streaming<pb::ReplicateRequest>>,
    ) -> Result<Response<Self::ReplicateStream>, Status> {
        if self.0.end.is_cancelled() {
            return Err(status::unavailable("the service is stopping"));
        }
        let (says, said) = mpsc::channel(OUTGOING);
        let heard = request.into_inner();
        let heard = heard.map(|heard| Ok(heard?.message.unwrap_or_default()));
        tokio::spawn(Arc::clone(&self.0).link(says, Box::pin(heard)));
        let said = ReceiverStream::new(said).map(|message| {
            Ok(pb::ReplicateResponse {
                message: Some(message),
            })
        });
        Ok(Response::new(Box::pin(said)))
    }
}

impl Mesh {
    /// Speaks and listens until either end has had enough.
    async fn link(self: Arc<Self>, says: mpsc::Sender<pb::PeerMessage>, mut heard: Heard) {
        let link = self
            .roster
            .with_replica(|replica, now| replica.open_link(now));
        let cut = Shutdown::new();
        self.links().insert(link, cut.clone());
        tokio::select! {
            () = self.listen(link, &mut heard) => {}
            () = cut.cancelled() => {}
            () = self.out_of_time() => {}
            () = self.speak(link, says) => {
                // The other end is still to take the last words, which it shows by ending as well.
                let _late = timeout(LAST_WORDS, self.listen(link, &mut heard)).await;
            }
        }
        self.links().remove(&link);
        self.roster
            .with_replica(|replica, now| replica.close_link(link, now));
        self.stirred.send_replace(());
    }

    /// Somebody who takes nothing keeps nobody from stopping.
    async fn out_of_time(&self) {
        self.end.cancelled().await;
        sleep(2 * LAST_WORDS).await;
    }

    async fn listen(&self, link: LinkId, heard: &mut Heard) {
        while let Some(message) = heard.next().await {
            let taken = message.and_then(|message| self.take(link, message));
            if let Err(error) = taken {
                tracing::debug!(error = error.message(), "link ended");
                return;
            }
            self.stirred.send_replace(());
        }
    }

    fn take(&self, link: LinkId, message: pb::PeerMessage) -> Result<(), Status> {
        let Some(message) = wire::message(message)? else {
            return Ok(());
        };
        if let Message::Deltas(deltas) = &message {
            metrics::record_age(&deltas.deltas);
        }
        let taken = self
            .roster
            .with_replica(|replica, now| replica.receive(link, message, now));
        taken.map_err(|error| {
            tracing::warn!(%error, "a replica misbehaves");
            status::failed_precondition(error.to_string())
        })
    }

    /// Says what there is to say, as fast as the other end takes it, until the links are to end.
    async fn speak(&self, link: LinkId, says: mpsc::Sender<pb::PeerMessage>) {
        let (mut stirred, mut votes) = (self.stirred.subscribe(), self.roster.voted());
        loop {
            let is_over = self.end.is_cancelled();
            if !self.say_all(link, &says).await || is_over {
                return;
            }
            tokio::select! {
                _ = stirred.changed() => sleep(GATHER).await,
                _ = votes.changed() => sleep(GATHER).await,
                () = self.end.cancelled() => {}
            }
        }
    }

    /// Whether all was taken.
    async fn say_all(&self, link: LinkId, says: &mpsc::Sender<pb::PeerMessage>) -> bool {
        while let Ok(place) = says.reserve().await {
            let next = self
                .roster
                .with_replica(|replica, now| replica.next_message(link, now));
            match next {
                Some(message) => place.send(wire::peer_message(message)),
                None => return true,
            }
        }
        false
    }
}
