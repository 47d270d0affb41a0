//! What every engine promises.

use std::time::Duration;

use bytes::Bytes;
use muster_kit::bus::{Bus, Destination, Message, PublishError};

use super::reader::Reader;
use super::{DEADLINE, Site, events, ids, publish, wait_for_messages_in};

#[tokio::test]
async fn messages_come_in_order_and_in_batches_within_a_process() {
    messages_come_in_order_and_in_batches(&Site::in_process()).await;
}

#[tokio::test]
async fn what_a_dead_consumer_had_taken_comes_again_within_a_process() {
    what_a_dead_consumer_had_taken_comes_again(&Site::in_process()).await;
}

#[tokio::test]
async fn one_consumer_at_a_time_gets_messages_within_a_process() {
    one_consumer_at_a_time_gets_messages(&Site::in_process()).await;
}

#[tokio::test]
async fn what_can_never_succeed_is_set_aside_within_a_process() {
    what_can_never_succeed_is_set_aside(&Site::in_process()).await;
}

#[tokio::test]
async fn a_plain_message_needs_no_reader_within_a_process() {
    a_plain_message_needs_no_reader(&Site::in_process()).await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_handler_within_a_process() {
    a_stop_does_not_wait_for_a_handler(&Site::in_process()).await;
}

/// One broker for all of them: what each leaves behind is nothing, and the next begins with that.
#[tokio::test]
async fn rabbitmq_keeps_the_same_promises() {
    let site = Site::broker().await;
    messages_come_in_order_and_in_batches(&site).await;
    // Order is a matter of luck where an engine gets it wrong.
    for _ in 0..10 {
        what_a_dead_consumer_had_taken_comes_again(&site).await;
    }
    one_consumer_at_a_time_gets_messages(&site).await;
    what_can_never_succeed_is_set_aside(&site).await;
    a_plain_message_needs_no_reader(&site).await;
    a_stop_does_not_wait_for_a_handler(&site).await;
    let Site::Broker(broker) = site else {
        panic!("started a broker");
    };
    wait_for_messages_in(&broker, "muster.gateway.dead", 2).await;
    wait_for_messages_in(&broker, "muster.plain", 2).await;
}

async fn messages_come_in_order_and_in_batches(site: &Site) {
    let bus = site.bus();
    let publishing = tokio::spawn(async move {
        bus.publish(events(0..300)).await.unwrap();
        bus.publish(events(300..500)).await.unwrap();
    });
    let reader = Reader::start(site.bus(), 100);
    assert_eq!(reader.wait_for(500).await, ids(0..500));
    publishing.await.unwrap();
    assert_eq!(reader.ids(), ids(0..500), "some came twice");
    let sizes: Vec<usize> = reader.batches().iter().map(Vec::len).collect();
    assert!(
        sizes.iter().all(|size| (1..=100).contains(size)),
        "{sizes:?}"
    );
    assert!(sizes.iter().any(|size| *size > 10), "{sizes:?}");
    let delivery = &reader.deliveries()[7];
    assert_eq!(delivery.body, Bytes::from("event 7"));
    assert!(!delivery.is_redelivered);
    reader.stop().await;
}

async fn what_a_dead_consumer_had_taken_comes_again(site: &Site) {
    let first = Reader::stuck(site.bus(), 10);
    let bus = site.bus();
    let publishing = tokio::spawn(async move { publish(&bus, events(0..25)).await });
    let taken = first.wait_for(1).await;
    assert_eq!(taken, ids(0..taken.len()));
    first.die().await;

    let second = Reader::start(site.bus(), 10);
    assert_eq!(second.wait_for(25).await, ids(0..25));
    publishing.await.unwrap();
    assert_eq!(second.ids(), ids(0..25), "some came twice");
    assert!(second.deliveries()[0].is_redelivered);
    second.stop().await;
}

async fn one_consumer_at_a_time_gets_messages(site: &Site) {
    let first = Reader::start(site.bus(), 10);
    publish(&site.bus(), events(0..5)).await;
    first.wait_for(5).await;
    let second = Reader::start(site.bus(), 10);
    publish(&site.bus(), events(5..10)).await;
    assert_eq!(first.wait_for(10).await, ids(0..10));
    assert_eq!(second.ids(), ids(0..0));

    first.die().await;
    publish(&site.bus(), events(10..15)).await;
    assert_eq!(second.wait_for(5).await, ids(10..15));
    second.stop().await;
}

async fn what_can_never_succeed_is_set_aside(site: &Site) {
    // The last one as well: what is acknowledged with it must not go with it.
    let reader = Reader::rejecting(site.bus(), 10, ids([3, 9]));
    publish(&site.bus(), events(0..10)).await;
    assert_eq!(reader.wait_for(10).await, ids(0..10));
    if let Site::Broker(broker) = site {
        wait_for_messages_in(broker, "muster.gateway", 0).await;
    }
    reader.die().await;

    let next = Reader::start(site.bus(), 10);
    publish(&site.bus(), events([10])).await;
    assert_eq!(next.wait_for(1).await, ids([10]));
    next.stop().await;
}

async fn a_plain_message_needs_no_reader(site: &Site) {
    let plain = |id: &str| Message {
        id: id.to_owned(),
        to: Destination::Plain {
            queue: "muster.plain",
            expires: Duration::from_secs(60),
        },
        body: "{}".into(),
        trace: None,
    };
    let messages = vec![plain("1"), plain("2")];
    site.bus().publish(messages).await.unwrap();
}

async fn a_stop_does_not_wait_for_a_handler(site: &Site) {
    let reader = Reader::stuck(site.bus(), 10);
    let bus = site.bus();
    let publishing = tokio::spawn(async move { bus.publish(events([0])).await });
    reader.wait_for(1).await;
    tokio::time::timeout(DEADLINE, reader.stop()).await.unwrap();
    let next = Reader::start(site.bus(), 10);
    assert_eq!(next.wait_for(1).await, ids([0]));
    assert_eq!(publishing.await.unwrap(), Ok(()));
    next.stop().await;
}

#[tokio::test(start_paused = true)]
async fn within_a_process_nothing_is_published_until_somebody_handles_it() {
    let bus = Bus::in_process();
    let refused = bus.publish(events(0..3)).await.unwrap_err();
    assert!(matches!(refused, PublishError::Unavailable(_)), "{refused}");
    // What its publisher gave up does not come beside what it sends again.
    let again = bus.clone();
    let publishing = tokio::spawn(async move { again.publish(events(0..3)).await });
    let reader = Reader::start(bus, 10);
    assert_eq!(publishing.await.unwrap(), Ok(()));
    assert_eq!(reader.ids(), ids(0..3));
}

#[tokio::test]
async fn without_a_bus_nothing_is_published_and_nothing_comes() {
    let bus = Bus::none();
    assert!(bus.is_none() && !Bus::in_process().is_none());
    assert!(bus.publish(events([0])).await.is_err());
    let reader = Reader::start(bus, 10);
    reader.stop().await;
}
