//! The side that publishes.

use std::collections::HashSet;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection, PublisherConfirm};
use metrics::{Counter, Gauge};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::super::{AmqpUrl, Destination, EVENTS, GATEWAY_QUEUE, Message, PublishError};
use super::{Failure, connect, headers, link_meters, topology};

/// How long a publisher waits for a connection.
const CONNECTED_DEADLINE: Duration = Duration::from_secs(3);
/// How long it waits for the confirms of a batch.
const CONFIRM_DEADLINE: Duration = Duration::from_secs(10);
/// A message that survives a restart of the broker.
const PERSISTENT: u8 = 2;

/// Publishes over a connection that it makes when it needs one. A batch at a time: lapin gives what the broker returned
/// to whichever confirm comes next.
#[derive(Debug)]
pub(super) struct Publisher {
    url: AmqpUrl,
    link: Link,
    /// Whether it is up, and how often it was lost.
    meters: Option<(Gauge, Counter)>,
}

#[derive(Debug)]
enum Link {
    Down,
    /// In a task, so that a publisher that stops waiting finds it again.
    Connecting(JoinHandle<Result<Open, Failure>>),
    Up(Box<Open>),
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    channel: Channel,
    /// Plain queues that are known to be there.
    declared: HashSet<&'static str>,
}

impl Publisher {
    pub(super) fn new(url: AmqpUrl) -> Self {
        Self {
            url,
            link: Link::Down,
            meters: None,
        }
    }

    pub(super) async fn publish(&mut self, messages: Vec<Message>) -> Result<(), PublishError> {
        let open = match timeout(CONNECTED_DEADLINE, self.open()).await {
            Ok(open) => open?,
            Err(_) => return Err(Failure::Late.into()),
        };
        if open.is_blocked() {
            let why = "the broker lacks memory or disk space";
            return Err(PublishError::Unavailable(why.to_owned()));
        }
        let published = timeout(CONFIRM_DEADLINE, open.send(&messages)).await;
        let published = published.unwrap_or_else(|_| Err(Failure::Late.into()));
        // A broker that has no room goes on where it stopped. Otherwise nobody knows what it still does with the old
        // connection; a new one also declares anew what somebody may have deleted.
        if published.is_err() && !open.is_blocked() {
            self.lost();
        }
        published
    }

    /// The next one who publishes makes a new connection.
    fn lost(&mut self) {
        self.link = Link::Down;
        if let Some((connected, reconnects)) = &self.meters {
            connected.set(0);
            reconnects.increment(1);
        }
    }

    /// The connection, which is made if need be.
    async fn open(&mut self) -> Result<&mut Open, Failure> {
        if let Link::Up(open) = &self.link
            && !open.channel.status().connected()
        {
            self.lost();
        }
        // Not before: who never publishes has no connection to be missed.
        let (connected, reconnects) = self.meters.get_or_insert_with(|| link_meters("publisher"));
        if let Link::Down = self.link {
            self.link = Link::Connecting(tokio::spawn(Open::new(self.url.clone())));
        }
        if let Link::Connecting(task) = &mut self.link {
            // It does not panic; a runtime that stops ends it.
            let open = task.await.unwrap_or(Err(Failure::Late));
            self.link = Link::Down;
            let open = open.inspect_err(|_| reconnects.increment(1))?;
            self.link = Link::Up(Box::new(open));
            connected.set(1);
            tracing::info!(url = %self.url, "publishing");
        }
        match &mut self.link {
            Link::Up(open) => Ok(open),
            Link::Down | Link::Connecting(_) => Err(Failure::Late),
        }
    }
}

impl Open {
    async fn new(url: AmqpUrl) -> Result<Self, Failure> {
        let connection = connect(&url).await?;
        let channel = connection.create_channel().await?;
        topology::declare(&channel, &GATEWAY_QUEUE).await?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await?;
        Ok(Self {
            connection,
            channel,
            declared: HashSet::new(),
        })
    }

    /// Whether the broker has said that it takes nothing now.
    fn is_blocked(&self) -> bool {
        self.connection.status().connected() && self.connection.status().blocked()
    }

    /// Sends all, then waits for all confirms.
    async fn send(&mut self, messages: &[Message]) -> Result<(), PublishError> {
        let mut confirms = Vec::with_capacity(messages.len());
        for message in messages {
            confirms.push(self.send_one(message).await?);
        }
        for (message, confirm) in messages.iter().zip(confirms) {
            match confirm.await.map_err(Failure::from)? {
                Confirmation::Ack(None) => {}
                Confirmation::Ack(Some(returned)) | Confirmation::Nack(Some(returned)) => {
                    let id = returned.properties.message_id().clone();
                    let id = id.map_or_else(|| message.id.clone(), |id| id.to_string());
                    return Err(PublishError::Unroutable(id));
                }
                Confirmation::Nack(None) | Confirmation::NotRequested => {
                    let why = format!("the broker refused message {}", message.id);
                    return Err(PublishError::Unavailable(why));
                }
            }
        }
        Ok(())
    }

    async fn send_one(&mut self, message: &Message) -> Result<PublisherConfirm, Failure> {
        let properties = BasicProperties::default()
            .with_content_type(message.to.content_type().into())
            .with_delivery_mode(PERSISTENT)
            .with_message_id(message.id.as_str().into());
        let properties = match &message.trace {
            Some(trace) => properties.with_headers(headers::of(trace)),
            None => properties,
        };
        let (exchange, key, properties) = match &message.to {
            Destination::Event { kind } => (EVENTS, kind.as_str(), properties),
            Destination::Plain { queue, expires } => {
                if !self.declared.contains(queue) {
                    topology::declare_plain(&self.connection, queue).await?;
                    self.declared.insert(queue);
                }
                let expiration = expires.as_millis().to_string();
                ("", *queue, properties.with_expiration(expiration.into()))
            }
        };
        let mandatory = BasicPublishOptions {
            mandatory: true,
            ..Default::default()
        };
        let published = self.channel.basic_publish(
            exchange.into(),
            key.into(),
            mandatory,
            &message.body,
            properties,
        );
        Ok(published.await?)
    }
}

impl From<Failure> for PublishError {
    fn from(failure: Failure) -> Self {
        Self::Unavailable(failure.to_string())
    }
}
