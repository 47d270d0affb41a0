//! The service as its clients see it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use muster_kit::channel::Channel;
use muster_proto::compat::presence::presence_client::PresenceClient;
use muster_proto::compat::presence::{Empty, User};
use muster_proto::muster::presence::v1 as pb;
use muster_testkit::eventually;
use pb::presence_service_client::PresenceServiceClient;
use pb::session_request::Action;
use pb::session_response::News;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Streaming;

/// Within which whatever is not measured must come.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn v1(addr: &str) -> PresenceServiceClient<Channel> {
    PresenceServiceClient::new(Channel::to(addr))
}

/// Connects a user as the compatibility contract says: until the stream is dropped.
pub(crate) async fn connect(addr: &str, name: &str) -> Streaming<Empty> {
    let mut client = PresenceClient::new(Channel::to(addr));
    client.connect(user(name)).await.unwrap().into_inner()
}

pub(crate) fn user(name: &str) -> User {
    User {
        name: name.to_owned(),
    }
}

/// Many names that begin alike.
pub(crate) fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| format!("{prefix}-{number}"))
        .collect()
}

/// What somebody was told of users: all values of each, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Arc<Mutex<BTreeMap<String, Vec<bool>>>>);

impl Told {
    fn add(&self, name: &str, online: bool) {
        let mut told = self.0.lock().unwrap();
        told.entry(name.to_owned()).or_default().push(online);
    }

    /// All that was told of a user.
    pub(crate) fn of(&self, name: &str) -> Vec<bool> {
        let told = self.0.lock().unwrap();
        told.get(name).cloned().unwrap_or_default()
    }

    /// Whether all of them are online, or offline, by what was told last.
    pub(crate) fn are(&self, names: &[String], online: bool) -> Option<()> {
        let told = self.0.lock().unwrap();
        let is = |name| told.get(name).and_then(|values| values.last()) == Some(&online);
        names.iter().all(is).then_some(())
    }

    /// Waits until they are.
    pub(crate) async fn until(&self, names: &[String], online: bool) {
        eventually(SOON, || std::future::ready(self.are(names, online))).await;
    }

    /// How many messages there were of these users.
    pub(crate) fn count(&self, names: &[String]) -> usize {
        names.iter().map(|name| self.of(name).len()).sum()
    }
}

/// Watches users until it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) told: Told,
    task: JoinHandle<()>,
}

impl Watcher {
    /// With one Monitor stream of the compatibility contract for each.
    pub(crate) async fn by_monitors(addr: &str, names: &[String]) -> Watcher {
        let (told, client) = (Told::default(), PresenceClient::new(Channel::to(addr)));
        let monitors = names.iter().map(|name| {
            let (told, mut client, name) = (told.clone(), client.clone(), name.clone());
            async move {
                let mut monitor = client.monitor(user(&name)).await.unwrap().into_inner();
                while let Ok(Some(status)) = monitor.message().await {
                    told.add(&name, status.online);
                }
            }
        });
        let all = futures_util::future::join_all(monitors);
        let task = tokio::spawn(async { drop(all.await) });
        Watcher::begun(told, task, names).await
    }

    /// With a session.
    pub(crate) async fn by_session(addr: &str, names: &[String]) -> Watcher {
        let told = Told::default();
        let action = Action::Watch(pb::Watch {
            users: names.to_vec(),
            ..pb::Watch::default()
        });
        let mut session = Session::open(addr, action).await;
        let of_session = told.clone();
        let task = tokio::spawn(async move {
            while let Ok(Some(news)) = session.news.message().await {
                for user in users(news) {
                    of_session.add(&user.user, user.online);
                }
            }
        });
        Watcher::begun(told, task, names).await
    }

    async fn begun(told: Told, task: JoinHandle<()>, names: &[String]) -> Watcher {
        let begun = || names.iter().all(|name| !told.of(name).is_empty());
        eventually(SOON, || std::future::ready(begun().then_some(()))).await;
        Watcher { told, task }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn users(news: pb::SessionResponse) -> Vec<pb::UserPresence> {
    match news.news {
        Some(News::Snapshot(snapshot)) => snapshot.users,
        Some(News::Changes(changes)) => changes.users,
        Some(News::Outcome(_)) | None => Vec::new(),
    }
}

/// A session that stays open until it is dropped.
#[derive(Debug)]
struct Session {
    news: Streaming<pb::SessionResponse>,
    /// The requests end with it. Without that, a client that drops the answers alone does not end the call.
    _end: oneshot::Sender<()>,
}

impl Session {
    /// Opens one that asks for one thing.
    async fn open(addr: &str, action: Action) -> Session {
        let request = pb::SessionRequest {
            request_id: 1,
            action: Some(action),
        };
        let (end, ended) = oneshot::channel::<()>();
        let silence = stream::once(ended).filter_map(|_| std::future::ready(None));
        let requests = stream::iter([request]).chain(silence);
        let news = v1(addr).session(requests).await.unwrap().into_inner();
        Session { news, _end: end }
    }
}

/// Keeps users online by a session until it is dropped.
#[derive(Debug)]
pub(crate) struct Online {
    _session: Session,
}

impl Online {
    pub(crate) async fn keep(addr: &str, names: &[String], grace_ms: u32) -> Online {
        let connections = names.iter().map(|name| pb::Connection {
            user: name.clone(),
            device: None,
            grace_ms,
        });
        let connect = pb::Connect {
            connections: connections.collect(),
        };
        let mut session = Session::open(addr, Action::Connect(connect)).await;
        let outcome = session.news.message().await.unwrap().unwrap();
        let is_done = matches!(&outcome.news, Some(News::Outcome(told)) if told.refused_count == 0);
        assert!(is_done, "{outcome:?}");
        Online { _session: session }
    }
}
