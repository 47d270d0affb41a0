//! List and GetStats.

use muster_proto::muster::activity::v1 as pb;
use pb::event_filter::Topics;
use tonic::Code;
use tonic_types::StatusExt;

use crate::service::{Service, batch, fill, new_event, now_ns};

fn of(topics: Topics) -> Option<pb::EventFilter> {
    Some(pb::EventFilter {
        topics: Some(topics),
        ..pb::EventFilter::default()
    })
}

fn positions(page: &pb::ListResponse) -> Vec<i64> {
    page.events.iter().map(|event| event.position).collect()
}

#[tokio::test]
async fn an_event_comes_back_whole_with_the_time_of_its_receipt() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let sent_at = Some(prost_types::Timestamp {
        seconds: -1,
        nanos: 5,
    });
    let new = pb::NewEvent {
        kind: "build".into(),
        attributes: [("who".into(), "Ann".into())].into(),
        sent_at,
        ..new_event("user/1", "x", "a")
    };
    let before = now_ns();
    service.append(batch(vec![new.clone()])).await.unwrap();
    let page = service.page(pb::ListRequest::default()).await.unwrap();
    let event = page.events[0].clone();
    let received_at = event.received_at.unwrap();
    let received_ns = received_at.seconds * 1_000_000_000 + i64::from(received_at.nanos);
    assert!((before..=now_ns()).contains(&received_ns), "{event:?}");
    let expected = pb::Event {
        position: 1,
        topic: new.topic,
        id: new.id,
        kind: new.kind,
        message: new.message,
        attributes: new.attributes,
        sent_at,
        received_at: Some(received_at),
    };
    assert_eq!(event, expected);
    service.stop().await;
}

#[tokio::test]
async fn pages_of_a_topic_a_prefix_and_all_lead_to_the_end_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let topic = |id: i32| ["user/1", "user/2", "room/1"][id as usize % 3];
    let events = (0..60).map(|id| new_event(topic(id), &id.to_string(), "a"));
    service.append(batch(events.collect())).await.unwrap();
    let all: Vec<i64> = (1..=60).collect();
    let cases = [
        (None, all.clone()),
        (
            of(Topics::Topic("user/2".into())),
            all.iter().copied().filter(|p| p % 3 == 2).collect(),
        ),
        (
            of(Topics::TopicPrefix("user/".into())),
            all.iter().copied().filter(|p| p % 3 != 0).collect(),
        ),
    ];
    for (filter, mut expected) in cases {
        for backwards in [false, true] {
            let (mut read, mut page_token) = (Vec::new(), String::new());
            loop {
                let filter = filter.clone();
                let request = pb::ListRequest {
                    filter,
                    page_size: 7,
                    page_token,
                    backwards,
                };
                let page = service.page(request).await.unwrap();
                assert!(page.events.len() <= 7 && page.reset.is_none());
                read.extend(positions(&page));
                page_token = page.next_page_token;
                if page_token.is_empty() {
                    break;
                }
            }
            assert_eq!(read, expected);
            expected.reverse();
        }
    }
    service.stop().await;
}

#[tokio::test]
async fn a_page_has_a_hundred_events_by_default_and_a_thousand_at_most() {
    let folder = tempfile::tempdir().unwrap();
    fill(&folder, 1_200).await;
    let service = Service::start(&folder).await;
    for (page_size, count) in [(0, 100), (999, 999), (i32::MAX, 1_000)] {
        let request = pb::ListRequest {
            page_size,
            ..pb::ListRequest::default()
        };
        assert_eq!(service.page(request).await.unwrap().events.len(), count);
    }
    service.stop().await;
}

#[tokio::test]
async fn what_is_bad_in_a_request_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let none = pb::ListRequest::default();
    let time = prost_types::Timestamp {
        seconds: 0,
        nanos: -1,
    };
    let cases = [
        (
            "page_size",
            pb::ListRequest {
                page_size: -1,
                ..none.clone()
            },
        ),
        (
            "page_token",
            pb::ListRequest {
                page_token: "x".into(),
                ..none.clone()
            },
        ),
        (
            "filter.topic",
            pb::ListRequest {
                filter: of(Topics::Topic("/".into())),
                ..none.clone()
            },
        ),
        (
            "filter.topic_prefix",
            pb::ListRequest {
                filter: of(Topics::TopicPrefix("x".repeat(256))),
                ..none.clone()
            },
        ),
        (
            "filter.received_from",
            pb::ListRequest {
                filter: Some(pb::EventFilter {
                    received_from: Some(time),
                    ..pb::EventFilter::default()
                }),
                ..none
            },
        ),
    ];
    for (field, request) in cases {
        let refused = service.page(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        let details = refused.get_details_bad_request().unwrap();
        assert_eq!(details.field_violations[0].field, field);
    }
    service.stop().await;
}

#[tokio::test]
async fn a_token_of_another_store_begins_anew_and_says_so() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let one = Service::start(&folders[0]).await;
    let token = one.page(pb::ListRequest::default()).await.unwrap().cursor;
    one.stop().await;
    let two = Service::start(&folders[1]).await;
    two.append(batch(vec![new_event("user/1", "x", "a")]))
        .await
        .unwrap();
    let request = pb::ListRequest {
        page_token: token,
        ..pb::ListRequest::default()
    };
    let page = two.page(request).await.unwrap();
    let reset = page.reset.clone().unwrap();
    assert_eq!(reset.reason(), pb::ResetReason::OtherStore);
    assert_eq!((reset.first_position, positions(&page)), (1, vec![1]));
    two.stop().await;
}

#[tokio::test]
async fn the_stats_count_events_topics_positions_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let empty = service.stats().await;
    assert_eq!(
        (empty.events, empty.first_position, empty.last_position),
        (0, 0, 0)
    );
    let events = ["user/1", "user/2", "user/1"];
    let events = events.iter().zip(["x", "x", "y"]);
    let events = events.map(|(topic, id)| new_event(topic, id, &"a".repeat(60_000)));
    service.append(batch(events.collect())).await.unwrap();
    let stats = service.stats().await;
    assert_eq!((stats.events, stats.topics), (3, 2));
    assert_eq!((stats.first_position, stats.last_position), (1, 3));
    assert!(
        stats.size_bytes > 180_000 && stats.size_bytes < 1_000_000,
        "{stats:?}"
    );
    let cursor = service
        .page(pb::ListRequest::default())
        .await
        .unwrap()
        .cursor;
    assert!(
        cursor.starts_with(&stats.store_id.replace('-', "")),
        "{stats:?}"
    );
    service.stop().await;
}
