//! A session as its client has it.

use muster_proto::muster::presence::v1 as pb;
use pb::session_request::Action;
use pb::session_response::News;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};

use super::{ApiClient, in_time};

/// A session that is open until it is dropped.
pub(crate) struct Talk {
    asks: mpsc::Sender<pb::SessionRequest>,
    told: Streaming<pb::SessionResponse>,
    asked: u64,
}

impl Talk {
    pub(crate) async fn with(mut client: ApiClient) -> Self {
        let (asks, asked) = mpsc::channel(16);
        let told = in_time(client.session(ReceiverStream::new(asked))).await;
        Self {
            asks,
            told: told.unwrap().into_inner(),
            asked: 0,
        }
    }

    /// Asks without waiting for what becomes of it.
    pub(crate) async fn ask(&mut self, action: Action) {
        self.asked += 1;
        let request = pb::SessionRequest {
            request_id: self.asked,
            action: Some(action),
        };
        in_time(self.asks.send(request)).await.unwrap();
    }

    /// Asks, and passes over what is told until it is known what became of it.
    pub(crate) async fn done(&mut self, action: Action) -> pb::Outcome {
        self.ask(action).await;
        loop {
            if let News::Outcome(outcome) = self.next().await {
                assert_eq!(outcome.request_id, self.asked);
                return outcome;
            }
        }
    }

    /// Connects devices, none of which is refused.
    pub(crate) async fn connect(&mut self, connections: Vec<pb::Connection>) {
        let outcome = self
            .done(Action::Connect(pb::Connect { connections }))
            .await;
        assert_eq!(outcome.refusals, []);
    }

    /// Watches users, none of whom is refused; the whole snapshot, and its cursor.
    pub(crate) async fn watch(
        &mut self,
        watch: pb::Watch,
    ) -> (Vec<pb::UserPresence>, pb::Snapshot) {
        let outcome = self.done(Action::Watch(watch)).await;
        assert_eq!(outcome.refusals, []);
        let mut users = Vec::new();
        loop {
            let News::Snapshot(mut part) = self.next().await else {
                panic!("expected the snapshot");
            };
            assert_eq!(part.request_id, self.asked);
            users.append(&mut part.users);
            if part.is_last {
                return (users, part);
            }
            assert_eq!(part.cursor, "");
        }
    }

    /// The next changes.
    pub(crate) async fn changes(&mut self) -> pb::Changes {
        match self.next().await {
            News::Changes(changes) => changes,
            other => panic!("expected changes: {other:?}"),
        }
    }

    /// Who changed, in the next so many changes of users.
    pub(crate) async fn changed(&mut self, users: usize) -> Vec<(String, bool)> {
        let mut changed = Vec::new();
        while changed.len() < users {
            changed.extend(values(&self.changes().await.users));
        }
        changed
    }

    pub(crate) async fn next(&mut self) -> News {
        let told = in_time(self.told.message()).await.unwrap();
        told.expect("a message").news.unwrap()
    }

    /// Nothing more is asked for.
    pub(crate) fn ask_no_more(self) -> Streaming<pb::SessionResponse> {
        self.told
    }

    /// Waits until the stop of the service ends it.
    pub(crate) async fn ended(mut self) {
        let end = loop {
            if let Err(end) = in_time(self.told.message()).await {
                break end;
            }
        };
        assert_eq!(end.code(), Code::Unavailable, "{end}");
    }
}

/// Who is what.
pub(crate) fn values(users: &[pb::UserPresence]) -> Vec<(String, bool)> {
    users
        .iter()
        .map(|presence| (presence.user.clone(), presence.online))
        .collect()
}

pub(crate) fn online(user: &str) -> (String, bool) {
    (user.to_owned(), true)
}

pub(crate) fn offline(user: &str) -> (String, bool) {
    (user.to_owned(), false)
}

/// A user's connection that has nothing to tell.
pub(crate) fn plain(user: &str) -> pb::Connection {
    pb::Connection {
        user: user.to_owned(),
        ..pb::Connection::default()
    }
}

pub(crate) fn disconnect(user: &str) -> Action {
    let devices = vec![pb::DeviceKey {
        user: user.to_owned(),
        ..pb::DeviceKey::default()
    }];
    Action::Disconnect(pb::Disconnect { devices })
}

/// These users, from now on.
pub(crate) fn users(names: &[&str]) -> pb::Watch {
    pb::Watch {
        users: names.iter().map(|name| (*name).to_owned()).collect(),
        ..pb::Watch::default()
    }
}
