//! The DevTools protocol: JSON commands with an id, their answers, and events, over one WebSocket.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A connection to a browser, shared by its pages.
#[derive(Debug, Clone)]
pub(super) struct DevTools {
    sink: Arc<AsyncMutex<SplitSink<Socket, Message>>>,
    last_id: Arc<AtomicU64>,
    told: Arc<Mutex<Told>>,
}

/// What the browser says.
#[derive(Debug, Default)]
struct Told {
    awaited: HashMap<u64, oneshot::Sender<Value>>,
    /// By the session that they are of.
    events: HashMap<String, Vec<Value>>,
}

impl DevTools {
    pub(super) async fn connect(url: &str) -> DevTools {
        let connected = connect_async(url).await;
        let (socket, _) = connected.expect("the browser takes no connection");
        let (sink, stream) = socket.split();
        let devtools = DevTools {
            sink: Arc::new(AsyncMutex::new(sink)),
            last_id: Arc::default(),
            told: Arc::default(),
        };
        tokio::spawn(listen(stream, Arc::clone(&devtools.told)));
        devtools
    }

    /// A command that must succeed: its result.
    pub(super) async fn call(&self, session: Option<&str>, method: &str, params: Value) -> Value {
        let answer = self.try_call(session, method, params).await;
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// A command: its result, or what the browser says is wrong.
    pub(super) async fn try_call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
    ) -> Result<Value, Value> {
        let id = self.last_id.fetch_add(1, Ordering::Relaxed) + 1;
        let mut command = json!({ "id": id, "method": method, "params": params });
        if let Some(session) = session {
            command["sessionId"] = json!(session);
        }
        let (answer, answered) = oneshot::channel();
        self.told.lock().unwrap().awaited.insert(id, answer);
        let mut sink = self.sink.lock().await;
        let sent = sink.send(Message::text(command.to_string())).await;
        sent.expect("the browser has ended");
        drop(sink);
        let answered = tokio::time::timeout(ANSWER_DEADLINE, answered).await;
        let answered =
            answered.unwrap_or_else(|_| panic!("{method}: no answer in {ANSWER_DEADLINE:?}"));
        let mut answer = answered.expect("the browser has ended");
        match answer.get_mut("error") {
            Some(error) => Err(error.take()),
            None => Ok(answer["result"].take()),
        }
    }

    /// What has happened in a session so far.
    pub(super) fn events(&self, session: &str) -> Vec<Value> {
        let told = self.told.lock().unwrap();
        told.events.get(session).cloned().unwrap_or_default()
    }
}

/// Hands over answers and keeps events until the browser ends.
async fn listen(mut stream: SplitStream<Socket>, told: Arc<Mutex<Told>>) {
    while let Some(Ok(message)) = stream.next().await {
        let Ok(message) = message.to_text().map(serde_json::from_str::<Value>) else {
            continue;
        };
        let Ok(message) = message else { continue };
        let mut told = told.lock().unwrap();
        if let Some(id) = message["id"].as_u64() {
            // Whoever asked may have given up.
            let _ = told
                .awaited
                .remove(&id)
                .map(|awaited| awaited.send(message));
        } else if let Some(session) = message["sessionId"].as_str() {
            let session = session.to_owned();
            told.events.entry(session).or_default().push(message);
        }
    }
    told.lock().unwrap().awaited.clear();
}
