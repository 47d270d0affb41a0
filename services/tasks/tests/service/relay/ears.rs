//! Listens to what is told: as a program beyond the suite, and as the gateway.

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};
use muster_kit::Shutdown;
use muster_kit::bus::{Bus, Delivery, GATEWAY_QUEUE};
use muster_testkit::{RabbitMq, eventually};
use serde_json::Value;

use crate::SOON;

const QUEUE: &str = "tasks_completed";

/// A message.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) id: String,
    pub(crate) body: Value,
}

type All = Arc<Mutex<Vec<Heard>>>;

pub(crate) struct Ears {
    plain: All,
    events: All,
    _connection: Connection,
}

impl Ears {
    /// The plain queue is declared as any program may.
    pub(crate) async fn open(broker: &RabbitMq) -> Ears {
        let (plain, events) = (All::default(), All::default());
        let connection = listen(broker, plain.clone()).await;
        let (bus, heard) = (Bus::amqp(broker.url().parse().unwrap()), events.clone());
        tokio::spawn(async move {
            let keep = |batch: Vec<Delivery>| {
                for one in batch {
                    hear(&heard, one.id, &one.body);
                }
                std::future::ready(Vec::new())
            };
            bus.consume(&GATEWAY_QUEUE, 100, &Shutdown::new(), keep)
                .await;
        });
        Ears {
            plain,
            events,
            _connection: connection,
        }
    }

    /// Waits for so many different messages of each kind: the first of each that were heard.
    pub(crate) async fn until_heard(&self, count: usize) -> (Vec<Heard>, Vec<Heard>) {
        eventually(SOON, async || {
            let (plain, events) = (first_of_each(&self.plain), first_of_each(&self.events));
            let is_enough = plain.len() >= count && events.len() >= count;
            is_enough.then_some((plain, events))
        })
        .await
    }
}

async fn listen(broker: &RabbitMq, heard: All) -> Connection {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&broker.url(), properties)
        .await
        .unwrap();
    let channel = connection.create_channel().await.unwrap();
    let durable = QueueDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let declared = channel.queue_declare(QUEUE.into(), durable, FieldTable::default());
    declared.await.unwrap();
    let (tag, table) = ("".into(), FieldTable::default());
    let consuming = channel.basic_consume(QUEUE.into(), tag, BasicConsumeOptions::default(), table);
    let mut consumer = consuming.await.unwrap();
    tokio::spawn(async move {
        while let Some(Ok(delivery)) = consumer.next().await {
            let id = delivery.properties.message_id().as_ref().unwrap();
            hear(&heard, id.to_string(), &delivery.data);
        }
    });
    connection
}

fn hear(all: &All, id: String, body: &[u8]) {
    let body = serde_json::from_slice(body).unwrap();
    all.lock().unwrap().push(Heard { id, body });
}

/// What comes again is the same.
fn first_of_each(all: &All) -> Vec<Heard> {
    let mut firsts: Vec<Heard> = Vec::new();
    for heard in all.lock().unwrap().iter() {
        if firsts.iter().all(|first| first.id != heard.id) {
            firsts.push(heard.clone());
        }
    }
    firsts
}
