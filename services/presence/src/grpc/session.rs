//! `Session`: what its client asks for, and what it is told.

mod answer;
mod news;
mod refusals;

use std::pin::Pin;

use futures_util::{Stream, stream};
use muster_proto::muster::presence::v1 as pb;
use pb::session_request::Action;
use tonic::{Status, Streaming};

use self::news::News;
use super::places::Place;
use crate::roster::Session;

/// What a caller of Session gets.
pub(super) type Told = Pin<Box<dyn Stream<Item = Result<pb::SessionResponse, Status>> + Send>>;

/// Reads the requests and tells the news for as long as the caller takes them; holds its place as long.
pub(super) fn told(
    session: Session,
    requests: Streaming<pb::SessionRequest>,
    place: Place,
) -> Told {
    let conversation = Conversation {
        requests: Requests {
            stream: requests,
            is_open: true,
            next: None,
        },
        news: News::new(session),
        _place: place,
    };
    Box::pin(stream::unfold(conversation, |mut conversation| async {
        let told = conversation.next().await;
        Some((told, conversation))
    }))
}

struct Conversation {
    requests: Requests,
    news: News,
    _place: Place,
}

impl Conversation {
    async fn next(&mut self) -> Result<pb::SessionResponse, Status> {
        loop {
            if let Some(request) = self.requests.take(self.news.is_snapshot_under_way()) {
                return Ok(answer::answer(&mut self.news, request).await);
            }
            tokio::select! {
                read = self.requests.read() => read?,
                response = self.news.next() => return Ok(response),
            }
        }
    }
}

/// What the client asks for, one thing after the other.
struct Requests {
    stream: Streaming<pb::SessionRequest>,
    is_open: bool,
    next: Option<pb::SessionRequest>,
}

impl Requests {
    /// The request that was read. Users can be watched only once those before are told: there is no end to how many
    /// would wait for it otherwise.
    fn take(&mut self, is_snapshot_under_way: bool) -> Option<pb::SessionRequest> {
        self.next.take_if(|request| {
            let watches = matches!(request.action, Some(Action::Watch(_)));
            !(watches && is_snapshot_under_way)
        })
    }

    /// Reads the next request, once that before is taken. A client that has nothing more to ask for is told news all
    /// the same.
    async fn read(&mut self) -> Result<(), Status> {
        if !self.is_open || self.next.is_some() {
            std::future::pending::<()>().await;
        }
        self.next = self.stream.message().await?;
        self.is_open = self.next.is_some();
        Ok(())
    }
}
