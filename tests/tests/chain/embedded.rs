//! The same promise in one process, on embedded engines and a bus that dies with it.

use muster_testkit::{Service, free_port};
use muster_tests::{Subscriber, Writer};

const USER: i64 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_suite_in_one_process_is_killed_and_each_completed_task_is_told_once() {
    let [tasks, gateway] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let args = ["--tasks-listen", &tasks, "--gateway-listen", &gateway];
    let mut suite = Service::suite(&args).await;
    let subscriber = Subscriber::of(&gateway, USER);
    let writer = Writer::start(&tasks, USER, 3).await;
    for _ in 0..20 {
        // Under way: some are committed and not yet told.
        writer.wait_for_more(10).await;
        suite.restart().await;
    }
    writer.all_are_told_once(&[&subscriber]).await;
    assert!(subscriber.connections() > 20);
}
