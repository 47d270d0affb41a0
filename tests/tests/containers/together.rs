//! The seven services of docker-compose.yml, each in its container: what `muster up` does they do, whichever of them is
//! killed and comes back.

use muster_testkit::SERVICES;
use muster_tests::scenarios::{self, Acknowledged};
use muster_tests::{Subscriber, Suite, Writer};

use crate::engine;
use crate::site::Site;

const USER: i64 = 1;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seven_containers_do_what_one_process_does_also_after_each_was_killed() {
    let Some(docker) = engine("the seven containers of docker-compose.yml").await else {
        return;
    };
    let mut site = Site::start(docker).await;
    scenarios::all(&site).await;
    let acknowledged = Acknowledged::by(&site).await;
    for service in SERVICES {
        site.kill_and_start(service).await;
        let what = format!("{service} killed, to healthy again");
        let healthy = site.wait_healthy(&what);
        // The engine asks every five seconds.
        let used = async {
            site.wait_serving().await;
            acknowledged.is_still_there(&site).await;
            scenarios::all(&site).await;
        };
        tokio::join!(healthy, used);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_completed_task_is_told_once_whichever_container_is_killed() {
    let Some(docker) = engine("tasks while containers are killed").await else {
        return;
    };
    let mut site = Site::start(docker).await;
    let subscriber = Subscriber::of(&site.addr_of("gateway"), USER);
    let writer = Writer::start(&site.addr_of("tasks"), USER, 3).await;
    subscriber.wait_for(5).await;
    for service in ["tasks", "activity", "gateway"] {
        site.kill_and_start(service).await;
        writer.wait_for_more(10).await;
        subscriber.wait_for(writer.count()).await;
    }
    writer.all_are_told_once(&[&subscriber]).await;
}
