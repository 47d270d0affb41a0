//! RabbitMQ. One connection publishes and another consumes: the broker stops reading from one that publishes when it
//! lacks memory or disk space, and acknowledgements must go on.

mod consumer;
mod headers;
mod publisher;
mod secure;
mod topology;

use std::convert::Infallible;
use std::time::Duration;

use lapin::{Connection, ConnectionProperties};
use metrics::{Counter, Gauge, counter, gauge};
use tokio::sync::Mutex;

use self::consumer::Subscription;
use self::publisher::Publisher;
use super::{AmqpUrl, Delivery, Message, PublishError, Queue, Rejected};
use crate::backoff::Backoff;

/// How long a broker may take for a handshake. An attempt that is given up keeps a thread until its socket ends, so
/// that one on a broker that hangs has to be rare.
const CONNECT_DEADLINE: Duration = Duration::from_secs(30);
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Amqp {
    url: AmqpUrl,
    publisher: Mutex<Publisher>,
}

/// What a broker, or the way to it, did not do.
#[derive(Debug, Clone, thiserror::Error)]
enum Failure {
    /// It refused, or the connection broke.
    #[error(transparent)]
    Amqp(#[from] lapin::Error),
    /// It did not answer in time.
    #[error("no answer")]
    Late,
    /// It ended a subscription: the queue was deleted, say.
    #[error("the subscription ended")]
    Ended,
}

impl Amqp {
    pub(super) fn new(url: AmqpUrl) -> Self {
        let publisher = Mutex::new(Publisher::new(url.clone()));
        Self { url, publisher }
    }

    pub(super) async fn publish(&self, messages: Vec<Message>) -> Result<(), PublishError> {
        self.publisher.lock().await.publish(messages).await
    }

    pub(super) async fn consume<F>(
        &self,
        queue: &Queue,
        most: usize,
        mut handler: impl FnMut(Vec<Delivery>) -> F,
    ) -> Infallible
    where
        F: Future<Output = Vec<Rejected>>,
    {
        let mut backoff = Backoff::new(FIRST_DELAY, LONGEST_DELAY);
        let (connected, reconnects) = link_meters("consumer");
        loop {
            let failure = match Subscription::open(&self.url, queue, most).await {
                Ok(mut subscription) => {
                    tracing::info!(url = %self.url, %queue, "consuming");
                    backoff.reset();
                    connected.set(1);
                    subscription.hand_over(&mut handler).await
                }
                Err(failure) => failure,
            };
            tracing::warn!(url = %self.url, %queue, error = %failure, "not consuming, trying again");
            connected.set(0);
            reconnects.increment(1);
            tokio::time::sleep(backoff.delay()).await;
        }
    }
}

/// Whether the connection of a role is up, and how often it was lost. Down, for now.
fn link_meters(role: &'static str) -> (Gauge, Counter) {
    let connected = gauge!("bus_connected", "role" => role);
    connected.set(0);
    let reconnects = counter!("bus_reconnects_total", "role" => role);
    reconnects.increment(0);
    (connected, reconnects)
}

/// A connection, without recovery of its own: we make a new one, which knows nothing of what was before.
async fn connect(url: &AmqpUrl) -> Result<Connection, Failure> {
    let properties = ConnectionProperties::default().with_connection_name("muster".into());
    let connecting = async {
        match url.dial() {
            Some(dial) => secure::connect(url.uri(), dial, properties).await,
            None => Connection::connect_uri(url.uri(), properties).await,
        }
    };
    match tokio::time::timeout(CONNECT_DEADLINE, connecting).await {
        Ok(connection) => Ok(connection?),
        Err(_) => Err(Failure::Late),
    }
}
