//! What has to be in a broker: the exchange of events and the queues behind it.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};

use super::super::{EVENTS, Queue};

/// Any kind of event.
const ALL: &str = "#";
/// How often a message may come back; beyond, the broker would drop it. Without a limit, RabbitMQ 4 has one of 20, and
/// 3.12 puts a message that came back behind others.
const MOST_DELIVERIES: i64 = 1_000_000_000;
/// Of messages set aside, only so many are kept: nobody may be looking.
const MOST_DEAD_LETTERS: i64 = 10_000;

/// Declares the exchange of events and a queue of all of them.
pub(super) async fn declare(channel: &Channel, queue: &Queue) -> lapin::Result<()> {
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let none = FieldTable::default();
    channel
        .exchange_declare(EVENTS.into(), ExchangeKind::Topic, durable, none.clone())
        .await?;
    declare_queue(channel, queue.dead_letters(), &dead_letters()).await?;
    declare_queue(channel, queue.name(), &events(queue)).await?;
    let options = QueueBindOptions::default();
    channel
        .queue_bind(
            queue.name().into(),
            EVENTS.into(),
            ALL.into(),
            options,
            none,
        )
        .await
}

/// Declares a queue that programs beyond the suite read, as they may do too. One that is there with other arguments is
/// taken as it is: it belongs to them as much as to us.
pub(super) async fn declare_plain(connection: &Connection, queue: &str) -> lapin::Result<()> {
    // The broker closes a channel on which it refuses something.
    let channel = connection.create_channel().await?;
    match declare_queue(&channel, queue, &[]).await {
        Err(error) if is_otherwise(&error) => {
            tracing::warn!(queue, %error, "the queue has other arguments, using it as it is");
            Ok(())
        }
        declared => declared,
    }
}

fn is_otherwise(error: &lapin::Error) -> bool {
    let ErrorKind::ProtocolError(error) = error.kind() else {
        return false;
    };
    *error.kind() == AMQPErrorKind::Soft(AMQPSoftError::PRECONDITIONFAILED)
}

async fn declare_queue(
    channel: &Channel,
    name: &str,
    arguments: &[(&str, AMQPValue)],
) -> lapin::Result<()> {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        table.insert((*name).into(), value.clone());
    }
    let durable = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel.queue_declare(name.into(), durable, table).await?;
    Ok(())
}

fn events(queue: &Queue) -> [(&'static str, AMQPValue); 7] {
    [
        ("x-queue-type", text("quorum")),
        // Order holds with several gateways as well.
        ("x-single-active-consumer", AMQPValue::Boolean(true)),
        ("x-delivery-limit", AMQPValue::LongLongInt(MOST_DELIVERIES)),
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-routing-key", text(queue.dead_letters())),
        // The broker moves a dead letter only when it is safe there, which it does with this overflow alone.
        ("x-dead-letter-strategy", text("at-least-once")),
        ("x-overflow", text("reject-publish")),
    ]
}

fn dead_letters() -> [(&'static str, AMQPValue); 2] {
    [
        ("x-queue-type", text("quorum")),
        ("x-max-length", AMQPValue::LongLongInt(MOST_DEAD_LETTERS)),
    ]
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
