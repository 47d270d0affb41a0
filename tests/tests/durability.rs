//! What was acknowledged survives kill -9.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use muster_kit::channel::Channel;
use muster_proto::compat::activity::activity_events_client::ActivityEventsClient;
use muster_proto::compat::activity::{Deployment, EventRequest};
use muster_testkit::Service;
use tokio::task::JoinSet;

const ROUNDS: i32 = 10;
const EVENTS: i32 = 20_000;
const CONNECTIONS: usize = 8;

type Client = ActivityEventsClient<Channel>;

/// An event of the round's own deployment.
fn event(round: i32, id: i32) -> EventRequest {
    let message = format!("event {id} of round {round}");
    EventRequest {
        id,
        message,
        timestamp: None,
        deployment_id: round,
    }
}

/// Begins to create all events of a round at once; each task returns the id that was acknowledged.
fn create_all(addr: &str, round: i32) -> JoinSet<Option<i32>> {
    let clients: Vec<Client> = (0..CONNECTIONS)
        .map(|_| Client::new(Channel::to(addr)))
        .collect();
    let create = |id| {
        let mut client = clients[id as usize % CONNECTIONS].clone();
        async move {
            client
                .create_event(event(round, id))
                .await
                .ok()
                .map(|answer| answer.into_inner().id)
        }
    };
    (1..=EVENTS).map(create).collect()
}

/// Creates all events of a round and kills the service once some were acknowledged: those that were.
async fn create_until_killed(service: &mut Service, round: i32) -> BTreeSet<i32> {
    // Always well before the end: acknowledgements come in bursts of whole groups.
    let enough = (EVENTS / (ROUNDS + 4) * round) as usize;
    let mut calls = create_all(&service.addr(), round);
    let mut acknowledged = BTreeSet::new();
    while let Some(answer) = calls.join_next().await {
        acknowledged.extend(answer.unwrap());
        if acknowledged.len() == enough {
            service.process().sigkill();
        }
    }
    acknowledged
}

/// The events of a deployment (0: of all) as the service lists them.
async fn list(service: &Service, deployment: i32) -> Vec<EventRequest> {
    let mut client = Client::new(Channel::to(&service.addr()));
    let mut events = client
        .list_events(Deployment { id: deployment })
        .await
        .unwrap()
        .into_inner();
    let mut listed = Vec::new();
    while let Some(event) = events.message().await.unwrap() {
        listed.push(event);
    }
    listed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_event_is_listed_once_after_ten_kills() {
    let mut service = Service::start("muster-activity", &[]).await;
    let mut listed_before = 0;
    for round in 1..=ROUNDS {
        let acknowledged = create_until_killed(&mut service, round).await;
        assert!(
            acknowledged.len() < EVENTS as usize,
            "round {round}: killed too late to matter"
        );
        service.restart().await;

        let listed = list(&service, round).await;
        let ids: BTreeSet<i32> = listed.iter().map(|event| event.id).collect();
        let lost: Vec<_> = acknowledged.difference(&ids).collect();
        println!(
            "round {round}: {} acknowledged, {} listed",
            acknowledged.len(),
            listed.len()
        );
        assert!(
            lost.is_empty(),
            "round {round}: acknowledged and lost: {lost:?}"
        );
        assert_eq!(
            ids.len(),
            listed.len(),
            "round {round}: an event is listed twice"
        );
        for found in &listed {
            assert_eq!(found.message, event(round, found.id).message);
        }
        listed_before += listed.len();
    }
    assert_eq!(
        list(&service, 0).await.len(),
        listed_before,
        "a later kill changed an earlier round"
    );
}
