//! The servers that are measured.

use std::process::Command;
use std::time::Duration;

use muster_kit::channel::Channel;
use muster_proto::muster::activity::v1 as pb;
use muster_testkit::{Process, Service, eventually, find, free_port, get};
use pb::activity_service_client::ActivityServiceClient;
use serde_json::json;
use tempfile::TempDir;

use super::socket::Socket;
use crate::failure::Failure;

const DEADLINE: Duration = Duration::from_secs(20);
/// The topic or channel of those who are all told the same.
const ROOM: &str = "room/1";

/// The activity service behind the gateways.
pub(super) type Events = ActivityServiceClient<Channel>;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Muster,
    Centrifugo,
}

/// What a socket is subscribed to.
#[derive(Debug, Clone, Copy)]
pub(super) enum Subscription {
    /// Something of its own.
    Own(usize),
    /// What all are.
    Room,
}

/// A running server.
pub(super) enum Server {
    Muster(Box<Site>),
    Centrifugo(Box<Centrifugo>),
}

/// Gateways, and what is behind them.
pub(super) struct Site {
    _activity: Service,
    pub(super) presence: Service,
    pub(super) gateways: Vec<Service>,
    pub(super) events: Events,
    sent: usize,
}

/// One node, with a client that publishes.
pub(super) struct Centrifugo {
    node: Process,
    addr: String,
    publisher: Socket,
    sent: u64,
    _folder: TempDir,
}

impl Server {
    pub(super) async fn start(kind: Kind) -> Result<Server, Failure> {
        Ok(match kind {
            Kind::Muster => Server::Muster(Box::new(Site::start(1).await)),
            Kind::Centrifugo => Server::Centrifugo(Box::new(Centrifugo::start().await?)),
        })
    }

    /// The process that has the sockets.
    pub(super) fn process(&mut self) -> &Process {
        match self {
            Server::Muster(site) => site.gateways[0].process(),
            Server::Centrifugo(centrifugo) => &centrifugo.node,
        }
    }

    /// A socket that has subscribed.
    pub(super) async fn subscribed(&self, to: Subscription) -> Result<Socket, Failure> {
        match self {
            Server::Muster(site) => subscribed(&site.gateways[0].addr(), to).await,
            Server::Centrifugo(centrifugo) => centrifugo.subscribed(to).await,
        }
    }

    /// Tells all in the room something of about 300 bytes.
    pub(super) async fn tell_room(&mut self) -> Result<(), Failure> {
        let task = json!({
            "message": "task 1 has been completed at Fri Feb 02 2024 20:55:23 GMT+0000 (Coordinated Universal Time)",
            "task": {
                "id": 1, "user_id": 1, "status": 1, "content": "to be told to many",
                "createdAt": "2024-01-02T17:00:00.000Z", "completedAt": "2024-02-02T20:55:23.000Z",
            },
        });
        match self {
            Server::Muster(site) => {
                site.sent += 1;
                let event = pb::NewEvent {
                    topic: ROOM.to_owned(),
                    id: site.sent.to_string(),
                    message: task.to_string(),
                    ..pb::NewEvent::default()
                };
                site.append(vec![event]).await
            }
            Server::Centrifugo(centrifugo) => {
                let publish = json!({ "channel": ROOM, "data": task });
                centrifugo.sent += 1;
                let command = json!({ "id": centrifugo.sent + 1, "publish": publish });
                centrifugo.publisher.send(&command.to_string()).await?;
                centrifugo.publisher.next().await.map(drop)
            }
        }
    }
}

impl Site {
    pub(super) async fn start(gateways: usize) -> Site {
        let (activity, presence) = tokio::join!(
            Service::start("muster-activity", &[]),
            Service::start("muster-presence", &[]),
        );
        let peers = format!("activity={},presence={}", activity.addr(), presence.addr());
        let mut started = Vec::new();
        for _ in 0..gateways {
            started.push(Service::start("muster-gateway", &["--static", &peers]).await);
        }
        Site {
            events: ActivityServiceClient::new(Channel::to(&activity.addr())),
            _activity: activity,
            presence,
            gateways: started,
            sent: 0,
        }
    }

    /// Stores events.
    pub(super) async fn append(&self, events: Vec<pb::NewEvent>) -> Result<(), Failure> {
        let request = pb::AppendRequest {
            events,
            expected_last_position: None,
        };
        self.events.clone().append(request).await?;
        Ok(())
    }
}

/// A socket of a gateway.
async fn subscribed(addr: &str, to: Subscription) -> Result<Socket, Failure> {
    let mut socket = Socket::open(addr, "/ws").await?;
    match to {
        Subscription::Own(number) => {
            let user = number + 1;
            socket
                .send(&json!({"type": "subscribe", "user_id": user}).to_string())
                .await?;
            // The subscription itself is not answered.
            socket.send(r#"{"type":"ping"}"#).await?;
        }
        Subscription::Room => {
            socket
                .send(&json!({"type": "subscribe", "topic": ROOM}).to_string())
                .await?;
        }
    }
    socket.next().await?;
    Ok(socket)
}

impl Centrifugo {
    async fn start() -> Result<Centrifugo, Failure> {
        let (folder, port) = (tempfile::tempdir()?, free_port());
        let config = folder.path().join("config.json");
        let settings = json!({
            "allow_anonymous_connect_without_token": true,
            "allow_subscribe_for_client": true,
            "allow_subscribe_for_anonymous": true,
            "allow_publish_for_client": true,
            "allow_publish_for_anonymous": true,
            "client_connection_limit": 20_000,
            "health": true,
            "log_level": "error",
        });
        std::fs::write(&config, settings.to_string())?;
        let mut node = Command::new(find("centrifugo"));
        node.arg("--config").arg(&config);
        let node =
            Process::spawn(node.args(["--address", "127.0.0.1", "--port", &port.to_string()]));
        let addr = format!("127.0.0.1:{port}");
        eventually(DEADLINE, || async {
            let (status, _) = get(&addr, "/health").await?;
            (status == 200).then_some(())
        })
        .await;
        Ok(Centrifugo {
            publisher: connected(&addr).await?,
            node,
            addr,
            sent: 0,
            _folder: folder,
        })
    }

    async fn subscribed(&self, to: Subscription) -> Result<Socket, Failure> {
        let mut socket = connected(&self.addr).await?;
        let channel = match to {
            Subscription::Own(number) => format!("user-{number}"),
            Subscription::Room => ROOM.to_owned(),
        };
        let subscribe = json!({"id": 2, "subscribe": {"channel": channel}});
        socket.send(&subscribe.to_string()).await?;
        answered(&mut socket).await?;
        Ok(socket)
    }
}

/// A socket of a node.
async fn connected(addr: &str) -> Result<Socket, Failure> {
    let mut socket = Socket::open(addr, "/connection/websocket").await?;
    socket.send(r#"{"id":1,"connect":{}}"#).await?;
    answered(&mut socket).await?;
    Ok(socket)
}

async fn answered(socket: &mut Socket) -> Result<(), Failure> {
    let answer = socket.next().await?;
    let answer = String::from_utf8_lossy(&answer);
    match answer.contains("\"error\"") {
        true => Err(Failure::new(format!("Centrifugo answered {answer}"))),
        false => Ok(()),
    }
}
