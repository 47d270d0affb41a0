//! Any part dies, at any time.

use muster_testkit::{Dice, seed};
use muster_tests::{Subscriber, Writer};

use crate::site::{Chain, Part};

const USER: i64 = 1;
const PARTS: [Part; 5] = [
    Part::Database,
    Part::Broker,
    Part::Tasks,
    Part::Gateway,
    Part::Activity,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_each_completed_task_is_told_once_and_in_order() {
    kill_one_after_another(10).await;
}

#[ignore = "takes five minutes"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_a_hundred_times_each_completed_task_is_told_once_and_in_order() {
    kill_one_after_another(100).await;
}

async fn kill_one_after_another(times: usize) {
    let mut dice = Dice::new(seed());
    let mut chain = Chain::start().await;
    let subscriber = Subscriber::of(&chain.gateway.addr(), USER);
    let writer = Writer::start(&chain.tasks.addr(), USER, 3).await;
    subscriber.wait_for(5).await;
    chain.broker.settle().await;
    for time in 1..=times {
        let part = *dice.one_of(&PARTS);
        println!("{time}: {part:?}, {} completed", writer.count());
        chain.kill(part);
        // Without these two no task is completed.
        if !matches!(part, Part::Database | Part::Tasks) {
            writer.wait_for_more(dice.within(0..50)).await;
        }
        chain.restart(part).await;
        // The next one dies while they recover, or after.
        if dice.once_in(2) {
            subscriber.wait_for(writer.count()).await;
        }
    }
    println!(
        "{} completed, {} connections",
        writer.count(),
        subscriber.connections()
    );
    writer.all_are_told_once(&[&subscriber]).await;
}
