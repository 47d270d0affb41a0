//! Tail.

use muster_proto::muster::activity::v1 as pb;
use pb::event_filter::Topics;
use pb::tail_response::Message;
use tonic::Code;

use crate::service::{Service, batch, event, fill, new_event};

fn following() -> pb::TailRequest {
    pb::TailRequest {
        follow: true,
        ..pb::TailRequest::default()
    }
}

fn positions(events: &[pb::Event]) -> Vec<i64> {
    events.iter().map(|event| event.position).collect()
}

#[tokio::test]
async fn a_tail_catches_up_is_live_and_follows_both_apis() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    service.create(event(7, 1, "built")).await.unwrap();
    let mut tail = service.tail(following()).await.unwrap();
    assert_eq!(positions(&tail.take(1).await.0), [1]);
    tail.live().await;
    service
        .append(batch(vec![new_event("user/1", "x", "hello")]))
        .await
        .unwrap();
    service.create(event(7, 2, "shipped")).await.unwrap();
    let (events, _) = tail.take(2).await;
    let told: Vec<_> = events
        .iter()
        .map(|e| (&*e.topic, &*e.id, &*e.message))
        .collect();
    assert_eq!(
        told,
        [("user/1", "x", "hello"), ("deployment/7", "2", "shipped")]
    );
    service.stop().await;
}

#[tokio::test]
async fn a_stop_ends_a_tail_with_unavailable_and_its_cursor_leads_on_without_gap_or_repetition() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let filter = Some(pb::EventFilter {
        topics: Some(Topics::TopicPrefix("user/".into())),
        ..pb::EventFilter::default()
    });
    let request = pb::TailRequest {
        filter,
        ..following()
    };
    let mut tail = service.tail(request.clone()).await.unwrap();
    let topics = ["user/1", "room/1", "user/2"];
    let events = topics.map(|topic| new_event(topic, "x", "a")).to_vec();
    service.append(batch(events)).await.unwrap();
    let (events, cursor) = tail.take(2).await;
    assert_eq!(positions(&events), [1, 3]);
    service.stop().await;
    let end = loop {
        match tail.next().await {
            Ok(told) => assert!(told.is_some(), "an end without a status"),
            Err(status) => break status,
        }
    };
    assert_eq!(end.code(), Code::Unavailable);

    let service = Service::start(&folder).await;
    let events = topics.map(|topic| new_event(topic, "y", "a")).to_vec();
    service.append(batch(events)).await.unwrap();
    let request = pb::TailRequest { cursor, ..request };
    let mut tail = service.tail(request).await.unwrap();
    assert_eq!(positions(&tail.take(2).await.0), [4, 6]);
    service.stop().await;
}

#[tokio::test]
async fn each_event_has_a_cursor_that_leads_on_behind_it_if_the_caller_wants_that() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let topics = ["user/1", "room/1", "user/2", "user/1"];
    let events = topics
        .iter()
        .zip(["a", "b", "c", "d"])
        .map(|(topic, id)| new_event(topic, id, "x"));
    service.append(batch(events.collect())).await.unwrap();
    let request = pb::TailRequest {
        event_cursors: true,
        ..pb::TailRequest::default()
    };
    let mut tail = service.tail(request.clone()).await.unwrap();
    let Some(Message::Batch(all)) = tail.next().await.unwrap() else {
        panic!("no batch")
    };
    assert_eq!(all.event_cursors.last(), Some(&all.cursor));
    for (event, cursor) in all.events.iter().zip(all.event_cursors) {
        assert!(cursor.ends_with(&format!("-{}", event.position)));
        let request = pb::TailRequest {
            cursor,
            ..request.clone()
        };
        let mut rest = service.tail(request).await.unwrap();
        let left = topics.len() - event.position as usize;
        let behind: Vec<_> = (event.position + 1..=topics.len() as i64).collect();
        assert_eq!(positions(&rest.take(left).await.0), behind);
    }
    let mut without = service.tail(pb::TailRequest::default()).await.unwrap();
    let Some(Message::Batch(all)) = without.next().await.unwrap() else {
        panic!("no batch")
    };
    assert_eq!(all.event_cursors, Vec::<String>::new());
    service.stop().await;
}

#[tokio::test]
async fn without_follow_a_tail_tells_all_and_ends() {
    const COUNT: i32 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    fill(&folder, COUNT).await;
    let service = Service::start(&folder).await;
    let mut tail = service.tail(pb::TailRequest::default()).await.unwrap();
    let (events, _) = tail.take(COUNT as usize).await;
    assert_eq!(
        positions(&events),
        (1..=i64::from(COUNT)).collect::<Vec<_>>()
    );
    tail.live().await;
    assert_eq!(tail.next().await.unwrap(), None);
    service.stop().await;
}

#[tokio::test]
async fn readers_that_do_not_read_keep_nobody_waiting_and_miss_nothing() {
    const COUNT: i64 = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut tail = service.tail(following()).await.unwrap();
        tail.live().await;
        slow.push(tail);
    }
    let mut quick = service.tail(following()).await.unwrap();
    let message = "x".repeat(2_000);
    for first in (0..COUNT).step_by(500) {
        let ids = first..first + 500;
        let events = ids.map(|id| new_event("user/1", &id.to_string(), &message));
        service.append(batch(events.collect())).await.unwrap();
        quick.take(500).await;
    }
    for tail in &mut slow {
        let (events, _) = tail.take(COUNT as usize).await;
        assert_eq!(positions(&events), (1..=COUNT).collect::<Vec<_>>());
    }
    service.stop().await;
}

#[tokio::test]
async fn a_cursor_of_another_store_is_answered_with_a_reset_before_anything_else() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let one = Service::start(&folders[0]).await;
    let cursor = one.tail(following()).await.unwrap().live().await;
    one.stop().await;
    let two = Service::start(&folders[1]).await;
    two.append(batch(vec![new_event("user/1", "x", "a")]))
        .await
        .unwrap();
    let mut tail = two
        .tail(pb::TailRequest {
            cursor,
            ..following()
        })
        .await
        .unwrap();
    let Some(Message::Reset(reset)) = tail.next().await.unwrap() else {
        panic!("no reset")
    };
    assert_eq!(
        (reset.reason(), reset.first_position),
        (pb::ResetReason::OtherStore, 1)
    );
    assert_eq!(positions(&tail.take(1).await.0), [1]);
    two.stop().await;
}

#[tokio::test]
async fn a_tail_from_the_end_has_no_cursor() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    service.create(event(7, 1, "before")).await.unwrap();
    let from_end = pb::TailRequest {
        from_end: true,
        ..following()
    };
    let mut tail = service.tail(from_end.clone()).await.unwrap();
    let cursor = tail.live().await;
    service.create(event(7, 2, "after")).await.unwrap();
    assert_eq!(positions(&tail.take(1).await.0), [2]);
    for (cursor, from_end) in [(cursor, true), ("x".into(), false)] {
        let request = pb::TailRequest {
            cursor,
            from_end,
            ..following()
        };
        let refused = service.tail(request).await.map(drop).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
    service.stop().await;
}
