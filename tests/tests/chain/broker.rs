//! What a broker can suffer.

use muster_tests::{Subscriber, Writer};

use crate::site::{Chain, Part};

const USER: i64 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_the_broker_restarts_is_cut_off_or_has_no_room() {
    let mut chain = Chain::start().await;
    let subscriber = Subscriber::of(&chain.gateway.addr(), USER);
    let writer = Writer::start(&chain.tasks.addr(), USER, 3).await;
    subscriber.wait_for(5).await;

    chain.broker.close_connections().await;
    writer.wait_for_more(10).await;
    subscriber.wait_for(writer.count()).await;

    chain.broker.settle().await;
    chain.restart(Part::Broker).await;
    writer.wait_for_more(10).await;
    subscriber.wait_for(writer.count()).await;

    chain.broker.raise_disk_alarm().await;
    // Tasks are completed all the while, and told later.
    writer.wait_for_more(20).await;
    chain.broker.lift_disk_alarm().await;
    subscriber.wait_for(writer.count()).await;

    writer.all_are_told_once(&[&subscriber]).await;
}
