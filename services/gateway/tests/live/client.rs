//! A client of the live protocol.

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::SOON;

/// A WebSocket.
pub(crate) struct Client {
    socket: WebSocketStream<TcpStream>,
}

impl Client {
    pub(crate) async fn connect(addr: &str) -> Client {
        Client::try_connect(addr).await.expect("no connection")
    }

    /// A connection, or why there is none.
    pub(crate) async fn try_connect(addr: &str) -> Result<Client, Error> {
        let socket = TcpStream::connect(addr).await?;
        Client::over(socket, addr).await
    }

    pub(crate) async fn over(socket: TcpStream, addr: &str) -> Result<Client, Error> {
        let opened = client_async(format!("ws://{addr}/ws"), socket);
        let (socket, _) = timeout(SOON, opened).await.expect("no handshake")?;
        Ok(Client { socket })
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.send_raw(Message::text(message.to_string())).await;
    }

    pub(crate) async fn send_raw(&mut self, message: Message) {
        self.socket.send(message).await.unwrap();
    }

    /// Subscribes to a user's messages, and waits until that is done.
    pub(crate) async fn subscribe(&mut self, user: i64) {
        self.send(json!({"type": "subscribe", "user_id": user}))
            .await;
        self.nothing_else().await;
    }

    /// The next text frame.
    pub(crate) async fn next(&mut self) -> Value {
        let next = self.next_or_close().await;
        next.unwrap_or_else(|closed| panic!("closed: {closed:?}"))
    }

    async fn next_raw(&mut self) -> Message {
        let next = timeout(SOON, self.socket.next())
            .await
            .expect("nothing comes");
        next.expect("the connection has ended").unwrap()
    }

    /// The next frames.
    pub(crate) async fn take(&mut self, count: usize) -> Vec<Value> {
        let mut frames = Vec::new();
        while frames.len() < count {
            frames.push(self.next().await);
        }
        frames
    }

    /// The messages of the next frames, and the last cursor.
    pub(crate) async fn messages(&mut self, count: usize) -> (Vec<String>, String) {
        let frames = self.take(count).await;
        let message = |frame: &Value| {
            frame["message"]
                .as_str()
                .unwrap_or_else(|| panic!("{frame}"))
                .to_owned()
        };
        let cursor = frames.last().unwrap()["cursor"]
            .as_str()
            .unwrap()
            .to_owned();
        (frames.iter().map(message).collect(), cursor)
    }

    /// All that was asked for has been done, and nothing was told.
    pub(crate) async fn nothing_else(&mut self) {
        self.send(json!({"type": "ping"})).await;
        assert_eq!(self.next().await, json!({"type": "pong"}));
    }

    /// Waits for the close, and passes over what comes before: its code and reason.
    pub(crate) async fn closed(&mut self) -> (u16, Value) {
        loop {
            if let Err(closed) = self.next_or_close().await {
                return closed;
            }
        }
    }

    /// The next text frame, or the code and the reason of the close.
    pub(crate) async fn next_or_close(&mut self) -> Result<Value, (u16, Value)> {
        loop {
            match self.next_raw().await {
                Message::Text(text) => return Ok(serde_json::from_str(&text).unwrap()),
                Message::Close(frame) => {
                    let frame = frame.expect("a close without a code");
                    let reason = frame.reason.as_str();
                    let reason = serde_json::from_str(reason).unwrap_or_else(|_| json!(reason));
                    return Err((frame.code.into(), reason));
                }
                _ => {}
            }
        }
    }

    /// Reads to the end: whether both sides have closed.
    pub(crate) async fn ended(&mut self) -> bool {
        loop {
            match self.socket.next().await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return false,
                None => return true,
            }
        }
    }
}
