//! A plain publisher: what RabbitMQ does by itself.

use std::path::Path;
use std::time::Instant;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use muster_testkit::RabbitMq;

use crate::failure::Failure;
use crate::machine;

const CLASSIC: &str = "bare.classic";
const QUORUM: &str = "bare.quorum";
/// As large as those of a completed task.
const BODY: &[u8] = &[b'x'; 400];
/// As many as the relay of muster-tasks sends before it waits.
const BATCH: u64 = 512;
const PERSISTENT: u8 = 2;

/// The version of RabbitMQ that Debian installed.
pub(crate) fn version() -> String {
    let query = ["-W", "-f", "${Version}", "rabbitmq-server"];
    machine::printed(Path::new("dpkg-query"), &query)
}

/// A connection to queues of both kinds that completed tasks go to.
pub(crate) struct Publisher {
    channel: Channel,
    _connection: Connection,
}

impl Publisher {
    pub(crate) async fn to(broker: &RabbitMq) -> Result<Publisher, Failure> {
        let properties = ConnectionProperties::default();
        let connection = Connection::connect(&broker.url(), properties).await?;
        let channel = connection.create_channel().await?;
        declare(&channel, CLASSIC, FieldTable::default()).await?;
        let mut quorum = FieldTable::default();
        let kind = AMQPValue::LongString("quorum".into());
        quorum.insert("x-queue-type".into(), kind);
        declare(&channel, QUORUM, quorum).await?;
        let confirms = ConfirmSelectOptions::default();
        channel.confirm_select(confirms).await?;
        Ok(Publisher {
            channel,
            _connection: connection,
        })
    }

    /// One message, confirmed from the quorum queue.
    pub(crate) async fn publish(&self) -> Result<(), Failure> {
        confirmed(self.send(QUORUM).await?.await?)
    }

    /// Confirmed messages a second, to both queues in turn.
    pub(crate) async fn rate(&self, count: u64) -> Result<f64, Failure> {
        let begin = Instant::now();
        let mut sent = 0;
        while sent < count {
            let batch = BATCH.min(count - sent);
            let mut confirms = Vec::new();
            for number in 0..batch {
                let queue = [CLASSIC, QUORUM][number as usize % 2];
                confirms.push(self.send(queue).await?);
            }
            for confirm in confirms {
                confirmed(confirm.await?)?;
            }
            sent += batch;
        }
        Ok(count as f64 / begin.elapsed().as_secs_f64())
    }

    async fn send(&self, queue: &str) -> Result<lapin::PublisherConfirm, Failure> {
        let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
        let options = BasicPublishOptions {
            mandatory: true,
            ..Default::default()
        };
        let sent = self
            .channel
            .basic_publish("".into(), queue.into(), options, BODY, properties);
        Ok(sent.await?)
    }
}

async fn declare(channel: &Channel, queue: &str, arguments: FieldTable) -> Result<(), Failure> {
    let durable = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .queue_declare(queue.into(), durable, arguments)
        .await?;
    Ok(())
}

fn confirmed(confirmation: Confirmation) -> Result<(), Failure> {
    match confirmation {
        Confirmation::Ack(None) => Ok(()),
        other => Err(Failure::new(format!("not confirmed: {other:?}"))),
    }
}
