//! Trims and retentions.

use muster_proto::muster::activity::v1 as pb;
use pb::tail_response::Message;
use pb::trim_request::Topics;
use prost_types::{Duration, Timestamp};
use tonic::Code;
use tonic_types::StatusExt;

use crate::service::{Service, batch, event, new_event};

fn up_to(topic: &str, position: i64) -> pb::TrimRequest {
    pb::TrimRequest {
        topics: Some(Topics::Topic(topic.into())),
        up_to_position: Some(position),
        received_before: None,
    }
}

fn retention(prefix: &str, max_age_s: Option<i64>) -> pb::SetRetentionRequest {
    pb::SetRetentionRequest {
        topic_prefix: prefix.into(),
        max_age: max_age_s.map(|seconds| Duration { seconds, nanos: 0 }),
    }
}

#[tokio::test]
async fn trimmed_events_are_gone_from_both_apis_and_known_to_both() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    for id in 1..=3 {
        service.create(event(7, id, "built")).await.unwrap();
    }
    let removed = service.trim(up_to("deployment/7", 2)).await;
    assert_eq!(removed.unwrap(), 2);
    let left = service.list(7).await;
    assert_eq!(left.iter().map(|event| event.id).collect::<Vec<_>>(), [3]);

    let again = service.create(event(7, 1, "built")).await.unwrap();
    assert!(again.success && again.id == 1);
    let changed = service.create(event(7, 1, "broken")).await.unwrap_err();
    assert_eq!(changed.code(), Code::AlreadyExists);
    let again = batch(vec![new_event("deployment/7", "2", "built")]);
    let results = service.append(again).await.unwrap();
    assert_eq!(results[0].outcome(), pb::AppendOutcome::AlreadyThere);
    assert_eq!(results[0].position, 2);
    assert_eq!(service.list(7).await.len(), 1);
    service.stop().await;
}

#[tokio::test]
async fn who_comes_back_with_a_cursor_hears_of_the_trim() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let append = async |id: &str| {
        let event = new_event("user/1", id, "a");
        service.append(batch(vec![event])).await.unwrap();
    };
    append("1").await;
    let cursor = service
        .page(pb::ListRequest::default())
        .await
        .unwrap()
        .cursor;
    append("2").await;
    append("3").await;
    service.trim(up_to("user/1", 2)).await.unwrap();
    let request = pb::TailRequest {
        cursor: cursor.clone(),
        ..pb::TailRequest::default()
    };
    let mut tail = service.tail(request).await.unwrap();
    let Some(Message::Reset(reset)) = tail.next().await.unwrap() else {
        panic!("no reset");
    };
    assert_eq!(reset.reason(), pb::ResetReason::Trimmed);
    assert_eq!((reset.first_position, reset.cursor), (3, cursor));
    let (events, _) = tail.take(1).await;
    assert_eq!(events[0].id, "3");
    service.stop().await;
}

#[tokio::test]
async fn a_retention_is_told_until_it_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    service
        .set_retention(retention("user/", Some(90)))
        .await
        .unwrap();
    service
        .set_retention(retention("", Some(3_600)))
        .await
        .unwrap();
    let stats = service.stats().await;
    let told = stats.retentions.iter();
    let told: Vec<_> = told
        .map(|one| (one.topic_prefix.as_str(), one.max_age.unwrap().seconds))
        .collect();
    assert_eq!(told, [("", 3_600), ("user/", 90)]);
    service.set_retention(retention("", None)).await.unwrap();
    assert_eq!(service.stats().await.retentions.len(), 1);
    service.stop().await;
}

#[tokio::test]
async fn what_is_bad_in_a_trim_or_a_retention_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let good = up_to("user/1", 1);
    let long = "x".repeat(256);
    let trims = [
        (
            "topic",
            pb::TrimRequest {
                topics: None,
                ..good.clone()
            },
        ),
        ("topic", up_to("/", 1)),
        (
            "topic_prefix",
            pb::TrimRequest {
                topics: Some(Topics::TopicPrefix(long.clone())),
                ..good.clone()
            },
        ),
        (
            "up_to_position",
            pb::TrimRequest {
                up_to_position: None,
                ..good.clone()
            },
        ),
        ("up_to_position", up_to("user/1", -1)),
        (
            "received_before",
            pb::TrimRequest {
                received_before: Some(Timestamp {
                    seconds: 0,
                    nanos: -1,
                }),
                ..good
            },
        ),
    ];
    for (field, request) in trims {
        let refused = service.trim(request).await.unwrap_err();
        let details = refused.get_details_bad_request().unwrap();
        assert_eq!(details.field_violations[0].field, field);
    }
    let retentions = [
        ("topic_prefix", retention(&long, Some(1))),
        ("topic_prefix", retention(&long, None)),
        ("max_age", retention("", Some(0))),
        ("max_age", retention("", Some(-1))),
        ("max_age", retention("", Some(i64::MAX))),
    ];
    for (field, request) in retentions {
        let refused = service.set_retention(request).await.unwrap_err();
        let details = refused.get_details_bad_request().unwrap();
        assert_eq!(details.field_violations[0].field, field);
    }
    service.stop().await;
}
