//! Events on their way from one service to others: at least once, in order, and never lost once published.
//!
//! A publisher knows that its messages are safe when [`Bus::publish`] returns, and sends them again otherwise; so what it
//! tells has to survive in a place of its own until then (an outbox). A consumer gets messages in the order in which
//! they were published, perhaps again, and tells them apart by id. Nothing is dropped because it cannot be handled now:
//! only what can never succeed is set aside, among the dead letters.

mod amqp;
mod in_process;
mod queue;
mod traced;
mod url;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use metrics::counter;

use self::amqp::Amqp;
use self::in_process::InProcess;
pub use self::queue::{EVENTS, GATEWAY_QUEUE, Queue};
pub use self::url::{AmqpUrl, NoAmqpUrl};
use crate::Shutdown;
use crate::config::{Kind, Setting};
use crate::trace::TraceContext;

/// The setting that names the bus, for services that use it.
pub const SETTING: Setting = Setting::of_suite(
    "bus",
    "URL",
    "Bus that carries events between services: amqp://user:password@host:port/vhost, amqps:// for TLS",
)
.kind(Kind::Secret);

/// A way for events to other services. A clone is the same bus.
#[derive(Debug, Clone)]
pub struct Bus {
    engine: Engine,
    /// Who uses it.
    service: &'static str,
}

#[derive(Debug, Clone)]
enum Engine {
    None,
    InProcess(Arc<InProcess>),
    Amqp(Arc<Amqp>),
}

/// What is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Stays the same however often it is sent.
    pub id: String,
    /// Who gets it.
    pub to: Destination,
    /// JSON.
    pub body: Bytes,
    /// What it tells of was brought about in this trace.
    pub trace: Option<TraceContext>,
}

/// Who gets a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// All who consume events; the body is a CloudEvents envelope.
    Event {
        /// What happened, which is also the routing key.
        kind: String,
    },
    /// Programs beyond the suite, which read a classic durable queue that they may declare without arguments.
    Plain {
        /// Its name.
        queue: &'static str,
        /// How long a message is kept there: nobody may be reading.
        expires: Duration,
    },
}

/// Messages that were not published, or not all of them: send all of them again, later.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The bus cannot be reached, takes nothing now, or did not confirm in time.
    #[error("the bus takes no messages: {0}")]
    Unavailable(String),
    /// A message found no queue.
    #[error("no queue takes message {0}")]
    Unroutable(String),
}

/// A message as a consumer gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The id that its publisher gave it; empty if it gave none.
    pub id: String,
    /// What it published.
    pub body: Bytes,
    /// It may have been delivered before.
    pub is_redelivered: bool,
    /// The span that published it.
    pub trace: Option<TraceContext>,
}

/// A message that can never succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which of the batch.
    pub index: usize,
    /// Why, for the log.
    pub why: String,
}

impl Bus {
    /// No bus: nothing can be published, and nothing ever comes.
    pub fn none() -> Self {
        Self::of(Engine::None)
    }

    /// One for the services of this process. What has been published and not yet handled is lost with it, as
    /// [`Bus::publish`] says by waiting for the handler.
    pub fn in_process() -> Self {
        Self::of(Engine::InProcess(Arc::default()))
    }

    /// RabbitMQ. Connects when it is used, and again after each failure.
    pub fn amqp(url: AmqpUrl) -> Self {
        Self::of(Engine::Amqp(Arc::new(Amqp::new(url))))
    }

    fn of(engine: Engine) -> Self {
        let service = "bus";
        Self { engine, service }
    }

    /// The same bus, as a service uses it, by whose name it is in traces.
    pub fn used_by(self, service: &'static str) -> Self {
        Self { service, ..self }
    }

    /// Whether there is no bus.
    pub fn is_none(&self) -> bool {
        matches!(self.engine, Engine::None)
    }

    /// Publishes messages in order. Each is safe when this returns: in its queue, on disk, or (in one process) handled.
    /// Returns within fifteen seconds. Hundreds at a time are the fastest; one call at a time goes on.
    ///
    /// # Errors
    /// Some may have been sent or not: send all of them again, before any later ones.
    pub async fn publish(&self, mut messages: Vec<Message>) -> Result<(), PublishError> {
        let count = messages.len() as u64;
        counter!("bus_messages_published_total").increment(count);
        let spans = traced::publishing(self.service, self.engine.name(), &mut messages);
        let done = match &self.engine {
            Engine::None => Err(PublishError::Unavailable("there is none".to_owned())),
            Engine::InProcess(bus) => bus.publish(messages).await,
            Engine::Amqp(bus) => bus.publish(messages).await,
        };
        traced::published(spans, &done);
        if done.is_ok() {
            counter!("bus_messages_confirmed_total").increment(count);
        }
        done
    }

    /// Hands over the messages of a queue in order, in batches of 1 to `most` (as many as are there), until `shutdown`;
    /// a handler that runs then is dropped. A batch is acknowledged when its handler returns; what it names as never
    /// able to succeed is set aside. What may succeed later, the handler itself tries again. What is not acknowledged
    /// comes again, to this or another consumer: of several, one at a time gets messages. Reconnects by itself.
    pub async fn consume<F>(
        &self,
        queue: &Queue,
        most: usize,
        shutdown: &Shutdown,
        mut handler: impl FnMut(Vec<Delivery>) -> F,
    ) where
        F: Future<Output = Vec<Rejected>>,
    {
        let handler = |mut batch: Vec<Delivery>| {
            let spans = traced::handling(self.service, self.engine.name(), queue, &mut batch);
            let handling = handler(batch);
            async move {
                let rejected = handling.await;
                traced::handled(spans, &rejected);
                rejected
            }
        };
        let work = async {
            match &self.engine {
                Engine::None => std::future::pending().await,
                Engine::InProcess(bus) => bus.consume(queue, most.max(1), handler).await,
                Engine::Amqp(bus) => bus.consume(queue, most.max(1), handler).await,
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            never = work => match never {},
        }
    }
}

impl Engine {
    /// As traces call it.
    fn name(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::InProcess(_) => "in_process",
            Self::Amqp(_) => "rabbitmq",
        }
    }
}

impl Destination {
    fn content_type(&self) -> &'static str {
        match self {
            Self::Event { .. } => "application/cloudevents+json",
            Self::Plain { .. } => "application/json",
        }
    }
}

/// Gives a batch to its handler; counts and logs.
async fn handle<F>(
    queue: &Queue,
    batch: Vec<Delivery>,
    handler: &mut impl FnMut(Vec<Delivery>) -> F,
) -> Vec<Rejected>
where
    F: Future<Output = Vec<Rejected>>,
{
    let again = batch.iter().filter(|message| message.is_redelivered);
    counter!("bus_messages_redelivered_total").increment(again.count() as u64);
    let ids: Vec<String> = batch.iter().map(|message| message.id.clone()).collect();
    let rejected = handler(batch).await;
    counter!("bus_messages_rejected_total").increment(rejected.len() as u64);
    for Rejected { index, why } in &rejected {
        let id = ids.get(*index).map_or("", String::as_str);
        tracing::error!(%queue, id, why, "message set aside among the dead letters");
    }
    rejected
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
