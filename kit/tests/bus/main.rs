//! What a bus promises, held against each engine; and what only a broker can suffer.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod faults;
mod outsiders;
mod pace;
mod promises;
mod reader;

use std::time::Duration;

use muster_kit::bus::{Bus, Destination, Message};
use muster_testkit::{RabbitMq, eventually};

/// How long whatever has to happen may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Where a bus is: the engine, and a broker if it has one.
enum Site {
    InProcess(Bus),
    Broker(Box<RabbitMq>),
}

impl Site {
    fn in_process() -> Site {
        Site::InProcess(Bus::in_process())
    }

    async fn broker() -> Site {
        Site::Broker(Box::new(RabbitMq::start().await))
    }

    /// The bus as one process sees it: over a broker, each with connections of its own.
    fn bus(&self) -> Bus {
        match self {
            Site::InProcess(bus) => bus.clone(),
            Site::Broker(broker) => bus_of(broker),
        }
    }
}

fn bus_of(broker: &RabbitMq) -> Bus {
    Bus::amqp(broker.url().parse().unwrap())
}

/// Events of these ids, in order.
fn events(ids: impl IntoIterator<Item = usize>) -> Vec<Message> {
    let event = |id: usize| Message {
        id: id.to_string(),
        to: Destination::Event {
            kind: "test.happened".to_owned(),
        },
        body: format!("event {id}").into(),
        trace: None,
    };
    ids.into_iter().map(event).collect()
}

fn ids(ids: impl IntoIterator<Item = usize>) -> Vec<String> {
    ids.into_iter().map(|id| id.to_string()).collect()
}

/// Publishes until it succeeds, as an outbox does.
async fn publish(bus: &Bus, messages: Vec<Message>) {
    eventually(DEADLINE, || async {
        bus.publish(messages.clone()).await.ok()
    })
    .await;
}

/// Waits until so many messages lie in a queue.
async fn wait_for_messages_in(broker: &RabbitMq, queue: &str, count: u64) {
    eventually(DEADLINE, || async {
        (broker.messages_in(queue).await == Some(count)).then_some(())
    })
    .await;
}
