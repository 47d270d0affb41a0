//! What a broker can suffer: nothing that was published is lost, and order holds.

use std::time::{Duration, Instant};

use muster_kit::bus::{Bus, PublishError};
use muster_testkit::{RabbitMq, free_port};
use tokio::task::JoinHandle;

use super::reader::Reader;
use super::{bus_of, events, ids, publish};

/// Publishes batch after batch while things happen to the broker, as an outbox does.
fn publish_all(broker: &RabbitMq, batches: usize) -> JoinHandle<()> {
    let bus = bus_of(broker);
    tokio::spawn(async move {
        for batch in 0..batches {
            publish(&bus, events(batch * 10..batch * 10 + 10)).await;
        }
    })
}

#[tokio::test]
async fn messages_survive_a_broker_that_is_killed() {
    let mut broker = RabbitMq::start().await;
    // Nobody reads yet: the publisher has made the queue.
    let bus = bus_of(&broker);
    publish(&bus, events(0..50)).await;
    broker.settle().await;
    broker.kill();
    let refused = bus.publish(events(50..60)).await.unwrap_err();
    assert!(matches!(refused, PublishError::Unavailable(_)), "{refused}");
    broker.restart().await;
    publish(&bus, events(50..100)).await;

    let reader = Reader::start(bus_of(&broker), 10);
    assert_eq!(reader.wait_for(100).await, ids(0..100));
    // And once more, under way.
    let publishing = tokio::spawn(async move { publish(&bus, events(100..400)).await });
    broker.restart().await;
    publishing.await.unwrap();
    assert_eq!(reader.wait_for(400).await, ids(0..400));
}

#[tokio::test]
async fn messages_survive_connections_that_are_cut() {
    let broker = RabbitMq::start().await;
    let reader = Reader::start(bus_of(&broker), 10);
    let publishing = publish_all(&broker, 200);
    for round in 1..=3 {
        reader.wait_for(round * 100).await;
        broker.close_connections().await;
    }
    publishing.await.unwrap();
    assert_eq!(reader.wait_for(2000).await, ids(0..2000));
}

#[tokio::test]
async fn publishing_goes_on_when_a_disk_alarm_is_lifted() {
    let broker = RabbitMq::start().await;
    let bus = bus_of(&broker);
    let reader = Reader::start(bus_of(&broker), 10);
    publish(&bus, events(0..10)).await;
    broker.raise_disk_alarm().await;
    for _ in 0..2 {
        let refused = bus.publish(events(10..20)).await.unwrap_err();
        assert!(matches!(refused, PublishError::Unavailable(_)), "{refused}");
    }
    broker.lift_disk_alarm().await;
    publish(&bus, events(10..30)).await;
    assert_eq!(reader.wait_for(30).await, ids(0..30));
}

#[tokio::test]
async fn a_broker_that_hangs_holds_up_a_publisher_for_seconds_only() {
    let mut broker = RabbitMq::start().await;
    let bus = bus_of(&broker);
    publish(&bus, events(0..10)).await;
    broker.process().freeze();
    let start = Instant::now();
    bus.publish(events(10..20)).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(15));
    broker.process().resume();
    publish(&bus, events(10..20)).await;
    let reader = Reader::start(bus_of(&broker), 100);
    assert_eq!(reader.wait_for(20).await, ids(0..20));
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_told_within_seconds() {
    let url = format!("amqp://127.0.0.1:{}", free_port());
    let bus = Bus::amqp(url.parse().unwrap());
    let reader = Reader::start(bus.clone(), 10);
    let start = Instant::now();
    let refused = bus.publish(events([0])).await.unwrap_err();
    assert!(matches!(refused, PublishError::Unavailable(_)), "{refused}");
    assert!(start.elapsed() < Duration::from_secs(5));
    reader.stop().await;
}
