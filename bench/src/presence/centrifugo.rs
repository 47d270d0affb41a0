//! Centrifugo: nodes over one Redis, and a client of its JSON protocol.

use std::collections::VecDeque;
use std::process::Command;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use muster_testkit::{Process, eventually, find, free_port, get};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::failure::Failure;

const DEADLINE: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Two nodes, killed when dropped.
pub(crate) struct Centrifugo {
    pub(crate) nodes: [Process; 2],
    ports: [u16; 2],
    _redis: Process,
    _folder: TempDir,
}

impl Centrifugo {
    /// Starts them over an empty Redis and waits until they are healthy.
    pub(crate) async fn start() -> Result<Centrifugo, Failure> {
        let (folder, redis_port) = (tempfile::tempdir()?, free_port());
        let mut redis = Command::new("redis-server");
        redis.args(["--bind", "127.0.0.1", "--port", &redis_port.to_string()]);
        redis.args(["--save", "", "--dir"]).arg(folder.path());
        let redis = Process::spawn(&mut redis);
        let config = folder.path().join("config.json");
        std::fs::write(&config, config_of(redis_port).to_string())?;
        let ports = [free_port(), free_port()];
        let nodes = ports.map(|port| {
            let mut node = Command::new(find("centrifugo"));
            node.arg("--config").arg(&config);
            Process::spawn(node.args(["--address", "127.0.0.1", "--port", &port.to_string()]))
        });
        for port in ports {
            eventually(DEADLINE, || async {
                let (status, _) = get(&format!("127.0.0.1:{port}"), "/health").await?;
                (status == 200).then_some(())
            })
            .await;
        }
        Ok(Centrifugo {
            nodes,
            ports,
            _redis: redis,
            _folder: folder,
        })
    }

    /// A client of a node.
    pub(crate) async fn client(&self, node: usize) -> Result<Client, Failure> {
        let url = format!("ws://127.0.0.1:{}/connection/websocket", self.ports[node]);
        let (sending, receiving) = connect_async(url).await?.0.split();
        let mut client = Client {
            sending: Sending {
                socket: sending,
                commands: 0,
            },
            receiving: Receiving {
                socket: receiving,
                waiting: VecDeque::new(),
            },
            id: String::new(),
        };
        let connected = client.call("connect", json!({})).await?;
        client.id = connected["client"].as_str().unwrap_or_default().to_owned();
        Ok(client)
    }
}

/// Presence, joins and leaves for all, and no pings: clients here only do what is measured. Channels of the namespace
/// `quiet` have presence alone: in a crowd, each would be told of all others.
fn config_of(redis_port: u16) -> Value {
    json!({
        "engine": "redis",
        "redis_address": format!("127.0.0.1:{redis_port}"),
        "allow_anonymous_connect_without_token": true,
        "allow_subscribe_for_client": true,
        "allow_subscribe_for_anonymous": true,
        "allow_presence_for_client": true,
        "allow_presence_for_anonymous": true,
        "presence": true,
        "join_leave": true,
        "force_push_join_leave": true,
        "client_channel_limit": 10_000,
        "ping_interval": "600s",
        "health": true,
        "namespaces": [{
            "name": "quiet",
            "presence": true,
            "allow_subscribe_for_client": true,
            "allow_subscribe_for_anonymous": true,
            "allow_presence_for_client": true,
            "allow_presence_for_anonymous": true,
        }],
    })
}

/// One connection.
pub(crate) struct Client {
    sending: Sending,
    receiving: Receiving,
    /// What the node calls it.
    id: String,
}

/// What goes out.
pub(crate) struct Sending {
    socket: SplitSink<Socket, Message>,
    commands: u64,
}

/// What comes in.
pub(crate) struct Receiving {
    socket: SplitStream<Socket>,
    waiting: VecDeque<Value>,
}

impl Client {
    /// Subscribes and waits until it has.
    pub(crate) async fn subscribe(&mut self, channel: &str) -> Result<(), Failure> {
        let call = self.call("subscribe", json!({ "channel": channel }));
        call.await.map(drop)
    }

    /// How many clients are in a channel that it has subscribed.
    pub(crate) async fn present(&mut self, channel: &str) -> Result<u64, Failure> {
        let stats = self.call("presence_stats", json!({ "channel": channel }));
        let stats = stats.await?;
        let count = stats["num_clients"].as_u64();
        count.ok_or_else(|| Failure::new(format!("Centrifugo answered {stats}")))
    }

    /// The channel that another client has joined or left next.
    pub(crate) async fn joined_or_left(&mut self) -> Result<String, Failure> {
        loop {
            let push = self.receiving.next().await?;
            let push = &push["push"];
            let info = push["join"]["info"].as_object();
            let info = info.or_else(|| push["leave"]["info"].as_object());
            let Some((info, channel)) = info.zip(push["channel"].as_str()) else {
                continue;
            };
            if info["client"] != self.id {
                return Ok(channel.to_owned());
            }
        }
    }

    /// Both halves of it.
    pub(crate) fn split(self) -> (Sending, Receiving) {
        (self.sending, self.receiving)
    }

    async fn call(&mut self, method: &str, params: Value) -> Result<Value, Failure> {
        let id = self.sending.command(method, params).await?;
        loop {
            let mut reply = self.receiving.next().await?;
            if reply["id"] != id {
                continue;
            }
            return match reply[method].take() {
                Value::Null => Err(Failure::new(format!("Centrifugo answered {reply}"))),
                result => Ok(result),
            };
        }
    }
}

impl Sending {
    /// Subscribes, without waiting for the answer.
    pub(crate) async fn join(&mut self, channel: &str) -> Result<(), Failure> {
        let params = json!({ "channel": channel });
        self.command("subscribe", params).await.map(drop)
    }

    /// Unsubscribes, without waiting for the answer.
    pub(crate) async fn leave(&mut self, channel: &str) -> Result<(), Failure> {
        let params = json!({ "channel": channel });
        self.command("unsubscribe", params).await.map(drop)
    }

    async fn command(&mut self, method: &str, params: Value) -> Result<u64, Failure> {
        self.commands += 1;
        let command = json!({ "id": self.commands, method: params });
        self.socket.send(Message::text(command.to_string())).await?;
        Ok(self.commands)
    }
}

impl Receiving {
    /// Reads until the connection ends.
    pub(crate) async fn drain(mut self) {
        while self.next().await.is_ok() {}
    }

    async fn next(&mut self) -> Result<Value, Failure> {
        loop {
            if let Some(told) = self.waiting.pop_front() {
                return Ok(told);
            }
            let Some(message) = self.socket.next().await.transpose()? else {
                return Err(Failure::new("Centrifugo ended the connection"));
            };
            if let Message::Text(lines) = message {
                let lines = lines.lines().map(serde_json::from_str);
                self.waiting = lines.collect::<Result<_, _>>()?;
            }
        }
    }
}
