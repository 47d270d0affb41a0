//! Several gateways, several processes of tasks, and what nobody can make sense of.

use std::time::Duration;

use muster_testkit::{eventually, measured};
use muster_tests::{DEADLINE, Subscriber, Writer, create, set};

use crate::site::{Chain, Part};

const USER: i64 = 1;
/// The broker waits for two heartbeats of 5 s.
const TAKEN_OVER: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_gateway_tells_each_user_and_one_takes_over_when_another_is_killed_or_hangs() {
    let mut chain = Chain::start().await;
    let mut second = chain.another_gateway().await;
    let on_first = Subscriber::of(&chain.gateway.addr(), USER);
    let on_second = Subscriber::of(&second.addr(), USER);
    let writer = Writer::start(&chain.tasks.addr(), USER, 3).await;
    on_first.wait_for(6).await;
    on_second.wait_for(6).await;

    // It came first, and so it is the one that takes from the bus.
    chain.kill(Part::Gateway);
    writer.wait_for_more(10).await;
    on_second.wait_for(writer.count()).await;
    chain.restart(Part::Gateway).await;
    on_first.wait_for(writer.count()).await;

    second.process().freeze();
    writer.wait_for_more(1).await;
    let count = writer.count();
    measured(
        "chain: a gateway hangs, and another takes over",
        TAKEN_OVER,
        || std::future::ready((on_first.count() >= count).then_some(())),
    )
    .await;
    second.process().resume();
    writer.all_are_told_once(&[&on_first, &on_second]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_process_of_tasks_completes_and_one_tells_even_if_another_is_killed() {
    let mut chain = Chain::start().await;
    let second = chain.more_tasks().await;
    let subscriber = Subscriber::of(&chain.gateway.addr(), USER);
    let writer = Writer::start(&second.addr(), USER, 3).await;
    subscriber.wait_for(6).await;
    for _ in 0..3 {
        // It leads, or follows again.
        chain.kill(Part::Tasks);
        writer.wait_for_more(10).await;
        subscriber.wait_for(writer.count()).await;
        chain.restart(Part::Tasks).await;
    }
    writer.all_are_told_once(&[&subscriber]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_event_is_set_aside_and_holds_up_nothing() {
    let chain = Chain::start().await;
    let tasks = chain.tasks.addr();
    let subscriber = Subscriber::of(&chain.gateway.addr(), USER);
    let publish = r#"rabbit_basic:publish(rabbit_misc:r(<<"/">>, exchange, <<"muster.events">>), <<"any">>, [], <<"{}">>)."#;
    chain.broker.rabbitmqctl(&["eval", publish]).await;
    set(&tasks, 1, 1).await;
    chain.broker.rabbitmqctl(&["eval", publish]).await;
    let id = create(&tasks, USER).await;
    set(&tasks, id, 1).await;
    subscriber.wait_for(2).await;
    eventually(DEADLINE, || async {
        let dead = chain.broker.messages_in("muster.gateway.dead").await;
        (dead == Some(2)).then_some(())
    })
    .await;
}
