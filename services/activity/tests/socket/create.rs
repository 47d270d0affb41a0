//! CreateEvent.

use muster_proto::compat::activity as pb;
use tonic::Code;

use crate::service::{Service, event, ids, now_ns};

#[tokio::test]
async fn the_server_sets_the_time_of_receipt_and_keeps_the_time_of_sending() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let before = now_ns();
    let answer = service.create(event(1, 1, "built")).await.unwrap();
    let times = service.list(1).await[0].timestamp.unwrap();
    assert_eq!(times.send, 1_000_000);
    assert!(
        times.receive >= before && times.receive <= now_ns(),
        "{times:?}"
    );
    assert_eq!(
        answer.execution_time,
        (times.receive - times.send) / 1_000_000
    );
    service.stop().await;
}

#[tokio::test]
async fn an_event_without_a_timestamp_was_sent_when_it_was_received() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let untimed = pb::EventRequest {
        timestamp: None,
        ..event(1, 1, "built")
    };
    assert_eq!(service.create(untimed).await.unwrap().execution_time, 0);
    let times = service.list(1).await[0].timestamp.unwrap();
    assert_eq!(times.send, times.receive);
    service.stop().await;
}

#[tokio::test]
async fn an_event_from_the_future_took_no_time() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    for (id, send) in [(1, now_ns() + 3_600_000_000_000), (2, i64::MAX)] {
        let timestamp = Some(pb::Timestamp { send, receive: 0 });
        let early = pb::EventRequest {
            timestamp,
            ..event(1, id, "built")
        };
        assert_eq!(service.create(early).await.unwrap().execution_time, 0);
    }
    let timestamp = Some(pb::Timestamp {
        send: i64::MIN,
        receive: 0,
    });
    let ancient = pb::EventRequest {
        timestamp,
        ..event(1, 3, "built")
    };
    assert!(service.create(ancient).await.unwrap().execution_time > 9_223_372_036_854);
    service.stop().await;
}

#[tokio::test]
async fn the_same_again_gets_the_same_answer_and_is_listed_once() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let first = service.create(event(1, 7, "built")).await.unwrap();
    let listed = service.list(1).await;
    let timestamp = Some(pb::Timestamp {
        send: 99,
        receive: 99,
    });
    let again = pb::EventRequest {
        timestamp,
        ..event(1, 7, "built")
    };
    assert_eq!(service.create(again).await.unwrap(), first);
    assert_eq!(service.list(1).await, listed);
    service.stop().await;
}

#[tokio::test]
async fn an_id_with_another_message_already_exists() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    service.create(event(1, 7, "built")).await.unwrap();
    let refused = service.create(event(1, 7, "broken")).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert_eq!(service.list(1).await[0].message, "built");
    service.stop().await;
}

#[tokio::test]
async fn an_absent_id_is_given_until_the_top_of_int32() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    assert_eq!(service.create(event(1, 0, "a")).await.unwrap().id, 1);
    assert_eq!(service.create(event(1, 0, "a")).await.unwrap().id, 2);
    assert_eq!(
        service.create(event(1, i32::MAX, "top")).await.unwrap().id,
        i32::MAX
    );
    let refused = service.create(event(1, 0, "a")).await.unwrap_err();
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(ids(&service.list(1).await), [(1, 1), (1, 2), (1, i32::MAX)]);
    service.stop().await;
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_name_and_the_next_call_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let refused = service
        .create(event(1, 1, &"x".repeat(65_537)))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().starts_with("message: "), "{refused}");
    assert_eq!(service.list(0).await, []);
    service
        .create(event(1, 1, &"x".repeat(65_536)))
        .await
        .unwrap();
    assert_eq!(service.list(0).await[0].message.len(), 65_536);
    service.stop().await;
}

#[tokio::test]
async fn an_empty_request_is_what_proto3_makes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    assert_eq!(
        service
            .create(pb::EventRequest::default())
            .await
            .unwrap()
            .id,
        1
    );
    let listed = service.list(0).await;
    assert_eq!(ids(&listed), [(0, 1)]);
    assert_eq!(listed[0].message, "");
    service.stop().await;
}
