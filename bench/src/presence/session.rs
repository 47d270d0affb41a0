//! A Session stream: many users on one connection.

use std::time::Duration;

use muster_kit::channel::Channel;
use muster_proto::muster::presence::v1 as pb;
use pb::presence_service_client::PresenceServiceClient;
use pb::session_request::Action;
use pb::session_response::News;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::failure::Failure;

/// Within which users who are online elsewhere must be here.
const DEADLINE: Duration = Duration::from_secs(60);
/// Users of one request.
const BATCH: usize = 10_000;

pub(crate) struct Session {
    requests: mpsc::Sender<pb::SessionRequest>,
    news: Streaming<pb::SessionResponse>,
}

impl Session {
    pub(crate) async fn open(addr: &str) -> Result<Session, Failure> {
        let (requests, queue) = mpsc::channel(1);
        let mut client = PresenceServiceClient::new(Channel::to(addr));
        let news = client.session(ReceiverStream::new(queue)).await?;
        Ok(Session {
            requests,
            news: news.into_inner(),
        })
    }

    /// Connects one device of each user.
    pub(crate) async fn connect(&mut self, users: &[String]) -> Result<(), Failure> {
        for users in users.chunks(BATCH) {
            let connections = users.iter().map(|user| pb::Connection {
                user: user.clone(),
                ..pb::Connection::default()
            });
            let connections = connections.collect();
            self.ask(Action::Connect(pb::Connect { connections }))
                .await?;
        }
        Ok(())
    }

    /// Watches users: how many of them are online.
    pub(crate) async fn watch(&mut self, users: &[String]) -> Result<usize, Failure> {
        let mut online = 0;
        for users in users.chunks(BATCH) {
            let watch = pb::Watch {
                users: users.to_vec(),
                ..pb::Watch::default()
            };
            self.ask(Action::Watch(watch)).await?;
            online += self.snapshot().await?;
        }
        Ok(online)
    }

    /// Watches users who are about to be online, until all are.
    pub(crate) async fn watch_online(&mut self, users: &[String]) -> Result<(), Failure> {
        let mut online = self.watch(users).await?;
        while online < users.len() {
            let news = timeout(DEADLINE, self.changes()).await??;
            online += news.iter().filter(|user| user.online).count();
        }
        Ok(())
    }

    /// The next users who are another than last told.
    pub(crate) async fn changes(&mut self) -> Result<Vec<pb::UserPresence>, Failure> {
        loop {
            if let News::Changes(changes) = self.next().await? {
                return Ok(changes.users);
            }
        }
    }

    /// Asks, and waits until it is done, all of it.
    async fn ask(&mut self, action: Action) -> Result<(), Failure> {
        let request = pb::SessionRequest {
            action: Some(action),
            ..pb::SessionRequest::default()
        };
        self.requests.send(request).await?;
        loop {
            if let News::Outcome(outcome) = self.next().await? {
                return match outcome.refused_count {
                    0 => Ok(()),
                    _ => Err(Failure::new(format!("refused: {:?}", outcome.refusals))),
                };
            }
        }
    }

    async fn snapshot(&mut self) -> Result<usize, Failure> {
        let mut online = 0;
        loop {
            if let News::Snapshot(part) = self.next().await? {
                online += part.users.iter().filter(|user| user.online).count();
                if part.is_last {
                    return Ok(online);
                }
            }
        }
    }

    async fn next(&mut self) -> Result<News, Failure> {
        let news = self.news.message().await?.and_then(|told| told.news);
        news.ok_or_else(|| Failure::new("the session ended"))
    }
}
