//! Programs beyond the suite, which use the same broker.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ConnectionProperties};
use muster_kit::bus::{Destination, Message, PublishError};
use muster_testkit::RabbitMq;

use super::{bus_of, events, wait_for_messages_in};

const QUEUE: &str = "tasks_completed";

async fn channel(broker: &RabbitMq) -> (Connection, Channel) {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&broker.url(), properties)
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

async fn declare(channel: &Channel, arguments: FieldTable) -> lapin::Result<lapin::Queue> {
    let durable = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    channel
        .queue_declare(QUEUE.into(), durable, arguments)
        .await
}

fn plain(id: usize) -> Message {
    Message {
        id: id.to_string(),
        to: Destination::Plain {
            queue: QUEUE,
            expires: Duration::from_secs(86_400),
        },
        body: format!("plain {id}").into(),
        trace: None,
    }
}

#[tokio::test]
async fn a_program_that_declared_the_plain_queue_first_gets_what_is_published() {
    let broker = RabbitMq::start().await;
    let (_connection, channel) = channel(&broker).await;
    declare(&channel, FieldTable::default()).await.unwrap();
    let bus = bus_of(&broker);
    bus.publish((0..3).map(plain).collect()).await.unwrap();

    let (tag, options) = ("".into(), BasicConsumeOptions::default());
    let consuming = channel.basic_consume(QUEUE.into(), tag, options, FieldTable::default());
    let mut consumer = consuming.await.unwrap();
    for id in 0..3 {
        let delivery = consumer.next().await.unwrap().unwrap();
        assert_eq!(delivery.data, format!("plain {id}").into_bytes());
        let properties = delivery.properties;
        let text = |text: &Option<lapin::types::ShortString>| text.clone().unwrap().to_string();
        assert_eq!(text(properties.message_id()), id.to_string());
        assert_eq!(text(properties.content_type()), "application/json");
        assert_eq!(text(properties.expiration()), "86400000");
        assert_eq!(*properties.delivery_mode(), Some(2));
    }
    // And another may declare it after us just so.
    declare(&channel, FieldTable::default()).await.unwrap();
}

#[tokio::test]
async fn a_plain_queue_with_arguments_of_others_is_used_as_it_is() {
    let broker = RabbitMq::start().await;
    let (_connection, channel) = channel(&broker).await;
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongInt(2));
    declare(&channel, arguments).await.unwrap();
    let bus = bus_of(&broker);
    bus.publish((0..3).map(plain).collect()).await.unwrap();
    bus.publish(events([0])).await.unwrap();
    wait_for_messages_in(&broker, QUEUE, 2).await;
}

#[tokio::test]
async fn a_message_that_finds_no_queue_is_not_published_until_it_finds_one() {
    let broker = RabbitMq::start().await;
    let bus = bus_of(&broker);
    bus.publish(vec![plain(0)]).await.unwrap();
    bus.publish(events([0])).await.unwrap();
    broker.rabbitmqctl(&["delete_queue", QUEUE]).await;
    broker
        .rabbitmqctl(&["delete_queue", "muster.gateway"])
        .await;

    let refused = bus.publish(vec![plain(1)]).await;
    assert_eq!(refused, Err(PublishError::Unroutable("1".to_owned())));
    // Sent again, it has one: what somebody deleted is made anew.
    bus.publish(vec![plain(1)]).await.unwrap();
    bus.publish(events([1])).await.unwrap();
    wait_for_messages_in(&broker, QUEUE, 1).await;
    wait_for_messages_in(&broker, "muster.gateway", 1).await;
}
