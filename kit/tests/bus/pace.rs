//! How much goes through.

use std::time::{Duration, Instant};

use muster_kit::bus::{Destination, Message};
use muster_testkit::{RabbitMq, leeway, report};

use super::{bus_of, events};

const BATCHES: usize = 20;
const OF: usize = 500;
const PROMISE: f64 = 3_000.0;

#[tokio::test]
async fn thousands_of_messages_a_second_are_confirmed() {
    let broker = RabbitMq::start().await;
    let bus = bus_of(&broker);
    bus.publish(both(0)).await.unwrap();
    let start = Instant::now();
    for batch in 1..=BATCHES {
        bus.publish(both(batch)).await.unwrap();
    }
    let a_second = (BATCHES * OF) as f64 / start.elapsed().as_secs_f64();
    let what = "messages a second, confirmed by a quorum queue and a classic one";
    report(what, format!("{a_second:.0}"), PROMISE);
    assert!(a_second * f64::from(leeway()) >= PROMISE, "{a_second:.0}");
}

/// A batch as the outbox of tasks makes it: each row is an event and a plain message.
fn both(batch: usize) -> Vec<Message> {
    let rows = batch * OF / 2..(batch + 1) * OF / 2;
    let body = "x".repeat(300);
    let both = |mut event: Message| {
        event.body = body.clone().into();
        let plain = Message {
            to: Destination::Plain {
                queue: "tasks_completed",
                expires: Duration::from_secs(86_400),
            },
            ..event.clone()
        };
        [event, plain]
    };
    events(rows).into_iter().flat_map(both).collect()
}
