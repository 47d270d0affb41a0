//! A browser, as far as the gateway can tell.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::failure::Failure;

/// Nothing takes that long.
const DEADLINE: Duration = Duration::from_secs(30);

/// A socket that is subscribed to the messages of a user.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Subscribed from the beginning of what is kept: it is live when this returns.
    pub(crate) async fn subscribe(gateway: &str, user: i64) -> Result<Socket, Failure> {
        let (mut socket, _) = connect_async(format!("ws://{gateway}/ws")).await?;
        let subscribe = json!({ "type": "subscribe", "user_id": user, "after": "" });
        socket.send(Message::text(subscribe.to_string())).await?;
        let mut socket = Socket(socket);
        while socket.next().await?["type"] != "live" {}
        Ok(socket)
    }

    /// When it was told of so many tasks, with their ids.
    pub(crate) async fn told(mut self, count: usize) -> Result<Vec<(i64, Instant)>, Failure> {
        let mut told = Vec::with_capacity(count);
        while told.len() < count {
            let frame = self.next().await?;
            let now = Instant::now();
            let id = frame["task"]["id"].as_i64();
            told.push((id.ok_or_else(|| Failure::new(frame.to_string()))?, now));
        }
        Ok(told)
    }

    async fn next(&mut self) -> Result<Value, Failure> {
        loop {
            match timeout(DEADLINE, self.0.next()).await? {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text)?),
                Some(Ok(_)) => {}
                Some(Err(cause)) => return Err(cause.into()),
                None => return Err(Failure::new("the socket was closed")),
            }
        }
    }
}
