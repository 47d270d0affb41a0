//! The session with presence.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use futures_util::stream;
use muster_kit::Shutdown;
use muster_kit::backoff::Backoff;
use muster_kit::channel::Channel;
use muster_proto::muster::presence::v1 as pb;
use pb::presence_service_client::PresenceServiceClient;
use pb::session_request::Action;
use pb::session_response::News;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tonic::{Status, Streaming};

use super::Online;
use crate::protocol::UserId;

/// How long a user stays online when their last socket goes without a word, and when this gateway
/// or its session dies: long enough to come back.
const GRACE_MS: u32 = 10_000;
/// The most users of one request; presence takes twice as many.
const MOST_USERS: usize = 5_000;
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(2);
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// When to ask anew for what was refused for now.
const REFUSED_FOR: Duration = Duration::from_secs(5);

/// Keeps a session with presence until the shutdown: with another replica where one is lost.
pub async fn keep(online: Online, presence: Channel, shutdown: Shutdown) {
    let rounds = async {
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        loop {
            let mut session = match Session::open(&online, &presence).await {
                Ok(session) => session,
                Err(status) => {
                    tracing::debug!(%status, "no session with presence");
                    sleep(backoff.delay()).await;
                    continue;
                }
            };
            backoff.reset();
            let Err(status) = session.run().await;
            tracing::info!(%status, "the session with presence is lost");
            online.roster().lose_session();
            sleep(backoff.delay()).await;
        }
    };
    shutdown.run_until_cancelled(rounds).await;
}

/// A session that is open.
struct Session<'a> {
    online: &'a Online,
    requests: mpsc::Sender<pb::SessionRequest>,
    told: Streaming<pb::SessionResponse>,
    /// To be asked for, one after the other.
    actions: VecDeque<Action>,
    /// Whom the request that is under way connects, if there is one.
    under_way: Option<Vec<UserId>>,
    /// Whom to connect again, and when.
    refused: Option<(Instant, Vec<UserId>)>,
}

enum Never {}

impl<'a> Session<'a> {
    async fn open(online: &'a Online, presence: &Channel) -> Result<Session<'a>, Status> {
        let (requests, queue) = mpsc::channel(1);
        let queue = stream::unfold(queue, |mut queue| async {
            let request = queue.recv().await?;
            Some((request, queue))
        });
        let mut client = PresenceServiceClient::new(presence.clone());
        let late = |_| Status::deadline_exceeded("presence takes too long");
        let told = timeout(OPEN_TIMEOUT, client.session(queue))
            .await
            .map_err(late)??;
        Ok(Session {
            online,
            requests,
            told: told.into_inner(),
            actions: VecDeque::new(),
            under_way: None,
            refused: None,
        })
    }

    async fn run(&mut self) -> Result<Never, Status> {
        loop {
            if self.under_way.is_none() {
                self.ask_next().await?;
            }
            let again = self.refused.as_ref().map(|(at, _)| *at);
            tokio::select! {
                news = self.told.message() => {
                    let ended = || Status::unavailable("ended");
                    self.hear(news?.ok_or_else(ended)?);
                }
                () = self.online.0.changed.notified(), if self.under_way.is_none() => {}
                () = until(again) => self.ask_again(),
            }
        }
    }

    async fn ask_next(&mut self) -> Result<(), Status> {
        if self.actions.is_empty() {
            let mut roster = self.online.roster();
            let (present, watched) = (
                roster.present.next(MOST_USERS),
                roster.watched.next(MOST_USERS),
            );
            drop(roster);
            self.actions.extend(connect(present.wanted));
            self.actions.extend(disconnect(present.unwanted));
            self.actions.extend(watch(watched.wanted));
            self.actions.extend(unwatch(watched.unwanted));
        }
        let Some(action) = self.actions.pop_front() else {
            return Ok(());
        };
        self.under_way = Some(match &action {
            Action::Connect(connect) => {
                let users = connect.connections.iter();
                users
                    .filter_map(|connection| connection.user.parse().ok())
                    .collect()
            }
            _ => Vec::new(),
        });
        let request = pb::SessionRequest {
            request_id: 0,
            action: Some(action),
        };
        let ended = |_| Status::unavailable("ended");
        self.requests.send(request).await.map_err(ended)
    }

    fn hear(&mut self, response: pb::SessionResponse) {
        let users = match response.news {
            Some(News::Outcome(outcome)) => return self.finish(&outcome),
            Some(News::Snapshot(snapshot)) => snapshot.users,
            Some(News::Changes(changes)) => changes.users,
            None => return,
        };
        let state = |user: pb::UserPresence| Some((user.user.parse().ok()?, user.online));
        self.online
            .roster()
            .learn(users.into_iter().filter_map(state));
    }

    /// A request is done, all of it or not.
    fn finish(&mut self, outcome: &pb::Outcome) {
        let users = self.under_way.take().unwrap_or_default();
        let Some(refusal) = outcome.refusals.first() else {
            return;
        };
        let (field, why) = (&refusal.field, &refusal.description);
        tracing::warn!(
            count = outcome.refused_count,
            field,
            why,
            "presence refuses"
        );
        if outcome.refusals.iter().any(|refusal| refusal.is_for_now) {
            let (_, all) = self
                .refused
                .get_or_insert((Instant::now() + REFUSED_FOR, Vec::new()));
            // Who of them is connected is not connected twice.
            all.extend(users);
        }
    }

    fn ask_again(&mut self) {
        if let Some((_, users)) = self.refused.take() {
            self.online.change(|roster| roster.present.again(users));
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

fn connect(users: Vec<UserId>) -> Option<Action> {
    let connection = |user: &UserId| pb::Connection {
        user: user.to_string(),
        device: None,
        grace_ms: GRACE_MS,
    };
    let connections: Vec<_> = users.iter().map(connection).collect();
    (!users.is_empty()).then_some(Action::Connect(pb::Connect { connections }))
}

/// Their grace holds: who reloads a page does not go and come.
fn disconnect(users: Vec<UserId>) -> Option<Action> {
    let key = |user: &UserId| pb::DeviceKey {
        user: user.to_string(),
        ..pb::DeviceKey::default()
    };
    let devices: Vec<_> = users.iter().map(key).collect();
    (!users.is_empty()).then_some(Action::Disconnect(pb::Disconnect { devices }))
}

fn watch(users: Vec<UserId>) -> Option<Action> {
    let users = names(users)?;
    Some(Action::Watch(pb::Watch {
        users,
        ..pb::Watch::default()
    }))
}

fn unwatch(users: Vec<UserId>) -> Option<Action> {
    let users = names(users)?;
    Some(Action::Unwatch(pb::Unwatch { users }))
}

fn names(users: Vec<UserId>) -> Option<Vec<String>> {
    let names: Vec<_> = users.iter().map(UserId::to_string).collect();
    (!names.is_empty()).then_some(names)
}
