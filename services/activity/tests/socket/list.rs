//! ListEvents.

use futures_util::future::try_join_all;
use muster_activity::event::NewEvent;
use muster_activity::store::Store;
use muster_activity::topic::Topic;
use muster_kit::process::Context;
use muster_kit::store::SqliteUrl;

use crate::service::{Service, database, event, fill, ids, next};

#[tokio::test]
async fn events_are_listed_in_the_order_of_their_creation_by_deployment_or_all() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    for (deployment, id) in [(1, 5), (2, 1), (1, -3), (-4, 9), (1, 2)] {
        let answer = service
            .create(event(deployment, id, "built"))
            .await
            .unwrap();
        assert_eq!((answer.id, answer.success), (id, true));
    }
    assert_eq!(ids(&service.list(1).await), [(1, 5), (1, -3), (1, 2)]);
    assert_eq!(ids(&service.list(-4).await), [(-4, 9)]);
    assert_eq!(
        ids(&service.list(0).await),
        [(1, 5), (2, 1), (1, -3), (-4, 9), (1, 2)]
    );
    assert_eq!(service.list(77).await, []);
    service.stop().await;
}

#[tokio::test]
async fn topics_and_ids_of_others_are_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let need = Context::for_test("activity").health.need("store");
    let store = Store::open(&SqliteUrl(database(folder.path())), need)
        .await
        .unwrap();
    let others = [
        ("user/1", "1"),
        ("deployment/01", "1"),
        ("deployment/1", "b4a9"),
        ("deployment/1/x", "1"),
        ("deployment/1", "3"),
    ];
    for (topic, id) in others {
        let event = NewEvent::of_deployment(1, 1, "a".into(), 0, 0).unwrap();
        store
            .append(NewEvent {
                topic: Topic::parse(topic.into()).unwrap(),
                id: Some(id.into()),
                ..event
            })
            .await
            .unwrap();
    }
    store.close().await;
    let service = Service::start(&folder).await;
    assert_eq!(ids(&service.list(0).await), [(1, 3)]);
    assert_eq!(ids(&service.list(1).await), [(1, 3)]);
    service.stop().await;
}

#[tokio::test]
async fn a_slow_client_gets_all_in_order_and_keeps_nobody_waiting() {
    const COUNT: i32 = 50_000;
    let folder = tempfile::tempdir().unwrap();
    fill(&folder, COUNT).await;
    let service = Service::start(&folder).await;

    let mut slow = Vec::new();
    for _ in 0..16 {
        let mut listing = service.open_listing_apart(0).await;
        assert_eq!(next(&mut listing).await.unwrap().id, 1);
        slow.push(listing);
    }
    service
        .create(event(1, COUNT + 1, "meanwhile"))
        .await
        .unwrap();
    assert_eq!(service.list(1).await.len() as i32, COUNT + 1);

    let mut first = slow.swap_remove(0);
    for id in 2..=COUNT {
        assert_eq!(next(&mut first).await.unwrap().id, id);
    }
    assert_eq!(
        next(&mut first).await,
        None,
        "what came later is not part of the listing"
    );
    drop(slow);
    service.stop().await;
}

#[tokio::test]
async fn what_was_acknowledged_is_listed_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let creates = (1..=200).map(|id| service.create(event(id % 3 + 1, id, "built")));
    try_join_all(creates).await.unwrap();
    let listed = service.list(0).await;
    assert_eq!(listed.len(), 200);
    service.stop().await;
    let service = Service::start(&folder).await;
    assert_eq!(service.list(0).await, listed);
    service.stop().await;
}
