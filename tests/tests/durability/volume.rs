//! Many events.

use std::time::{Duration, Instant};

use futures_util::stream;
use muster_proto::compat::activity::EventRequest;
use muster_proto::muster::activity::v1 as pb;
use muster_testkit::{Service, leeway, report};
use tokio::sync::watch;
use tonic::Status;

use crate::client::{Client, positions};

const SERVING: Duration = Duration::from_millis(300);
const RESIDENT_MIB: u64 = 96;
const BATCH_EVENTS: u64 = 1_000;
const DEPLOYMENTS: u64 = 10;
/// So many events are on their way when the service is killed.
const UNDER_WAY: u64 = 50_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_thousand_events_are_served_at_once_after_a_kill() {
    serves_at_once_after_a_kill(200_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "ten million events"]
async fn ten_million_events_are_served_at_once_after_a_kill() {
    serves_at_once_after_a_kill(10_000_000).await;
}

async fn serves_at_once_after_a_kill(events: u64) {
    let mut service = Service::start("muster-activity", &[]).await;
    let acked = kill_under_load(&mut service, events).await;

    let start = Instant::now();
    service.restart().await;
    let took = start.elapsed();
    let what = format!("activity SERVING after kill -9 with {events} events");
    report(&what, format!("{took:.0?}"), format!("{SERVING:?}"));

    let listed = list(&service).await;
    assert!(
        (acked..=events + UNDER_WAY).contains(&listed),
        "{listed} of {acked} that were acknowledged"
    );
    let resident_mib = service.process().resident_bytes() / (1024 * 1024);
    let what = format!("activity: memory after {events} events were read, in MiB");
    report(&what, resident_mib, RESIDENT_MIB);
    assert!(took <= SERVING * leeway(), "SERVING after {took:?}");
    assert!(resident_mib <= RESIDENT_MIB, "{resident_mib} MiB");
}

/// Kills the service when so many events are acknowledged and more are on their way: how many
/// were acknowledged in the end.
async fn kill_under_load(service: &mut Service, events: u64) -> u64 {
    let acked = watch::Sender::new(0);
    let mut counted = acked.subscribe();
    let client = Client::of(&service.addr());
    let load = tokio::spawn(append(client, events + UNDER_WAY, acked));
    let enough = |acked: &u64| *acked >= events;
    counted
        .wait_for(enough)
        .await
        .expect("enough events are acknowledged");
    service.process().sigkill();
    let ended = load.await.unwrap();
    assert!(ended.is_err(), "killed too late to matter");
    *counted.borrow()
}

/// Appends so many events, each batch without waiting for the one before; tells how many are
/// acknowledged.
async fn append(mut client: Client, events: u64, acked: watch::Sender<u64>) -> Result<(), Status> {
    let requests = (0..events / BATCH_EVENTS).map(|batch| {
        let numbers = batch * BATCH_EVENTS..(batch + 1) * BATCH_EVENTS;
        pb::AppendStreamRequest {
            events: numbers.map(event).collect(),
            expected_last_position: None,
        }
    });
    let answers = client.v1.append_stream(stream::iter(requests)).await?;
    let mut answers = answers.into_inner();
    while let Some(answer) = answers.message().await? {
        let count = positions(&answer.results).len() as u64;
        acked.send_modify(|acked| *acked += count);
    }
    Ok(())
}

/// Ids ascend in each of a few deployments.
fn event(number: u64) -> pb::NewEvent {
    pb::NewEvent {
        topic: format!("deployment/{}", number % DEPLOYMENTS),
        id: (number / DEPLOYMENTS + 1).to_string(),
        message: format!("event {number}"),
        ..pb::NewEvent::default()
    }
}

/// Reads everything: how many events there are. None is missing in between, and none is there twice.
async fn list(service: &Service) -> u64 {
    let mut last_ids = [0; DEPLOYMENTS as usize];
    let mut listed = 0;
    let take = |event: EventRequest| {
        let last_id = &mut last_ids[event.deployment_id as usize];
        assert_eq!(event.id, *last_id + 1, "deployment {}", event.deployment_id);
        *last_id += 1;
        listed += 1;
    };
    let mut client = Client::of(&service.addr());
    client.list(take).await.unwrap();
    listed
}
