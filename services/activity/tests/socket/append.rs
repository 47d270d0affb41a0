//! Append.

use muster_proto::muster::activity::v1 as pb;
use pb::AppendOutcome::{AlreadyThere, Conflict, Stored};
use tonic::Code;
use tonic_types::StatusExt;

use crate::service::{Service, batch, event, ids, new_event};

fn outcomes(results: &[pb::AppendResult]) -> Vec<(pb::AppendOutcome, i64)> {
    let pairs = results
        .iter()
        .map(|result| (result.outcome(), result.position));
    pairs.collect()
}

#[tokio::test]
async fn each_event_is_told_its_own_outcome_and_position() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let events = vec![
        new_event("user/1", "x", "a"),
        new_event("user/1", "x", "a"),
        new_event("user/1", "x", "b"),
        new_event("user/2", "x", "b"),
    ];
    let results = service.append(batch(events)).await.unwrap();
    let expected = [(Stored, 1), (AlreadyThere, 1), (Conflict, 1), (Stored, 2)];
    assert_eq!(outcomes(&results), expected);
    service.stop().await;
}

#[tokio::test]
async fn both_apis_see_the_events_of_a_deployment_and_agree_on_what_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    service.create(event(7, 1, "built")).await.unwrap();
    let events = vec![
        new_event("deployment/7", "1", "built"),
        new_event("deployment/7", "2", "shipped"),
        new_event("user/7", "3", "not of a deployment"),
    ];
    let results = service.append(batch(events)).await.unwrap();
    assert_eq!(
        outcomes(&results),
        [(AlreadyThere, 1), (Stored, 2), (Stored, 3)]
    );
    assert_eq!(ids(&service.list(0).await), [(7, 1), (7, 2)]);
    service.create(event(7, 2, "shipped")).await.unwrap();
    assert_eq!(service.create(event(7, 0, "next")).await.unwrap().id, 3);
    service.stop().await;
}

#[tokio::test]
async fn a_bad_field_is_named_and_nothing_is_stored() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let sent_at = Some(prost_types::Timestamp {
        seconds: i64::MAX,
        nanos: 0,
    });
    let good = new_event("user/1", "x", "a");
    let cases = [
        ("events", vec![]),
        ("events", vec![good.clone(); 1_001]),
        (
            "events[1].topic",
            vec![good.clone(), new_event("", "x", "a")],
        ),
        ("events[1].id", vec![good.clone(), new_event("a", "", "a")]),
        ("events[0].id", vec![new_event("deployment/7", "x", "a")]),
        (
            "events[0].sent_at",
            vec![pb::NewEvent {
                sent_at,
                ..good.clone()
            }],
        ),
    ];
    for (field, events) in cases {
        let refused = service.append(batch(events)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
        let details = refused.get_details_bad_request().unwrap();
        assert_eq!(details.field_violations[0].field, field);
    }
    let first = service.append(batch(vec![good])).await.unwrap();
    assert_eq!(outcomes(&first), [(Stored, 1)]);
    service.stop().await;
}

#[tokio::test]
async fn an_expected_position_is_a_condition_for_all_of_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let expecting = |position, events| pb::AppendRequest {
        expected_last_position: Some(position),
        ..batch(events)
    };
    let first = vec![new_event("user/1", "x", "a")];
    service.append(expecting(0, first.clone())).await.unwrap();
    let second = vec![new_event("user/1", "y", "a")];
    let refused = service.append(expecting(0, second)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(refused.message().contains("is 1, not 0"), "{refused}");
    let conflict = vec![new_event("user/1", "y", "a"), new_event("user/1", "x", "b")];
    let refused = service.append(expecting(1, conflict)).await.unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(refused.message().starts_with("events[1]: "), "{refused}");
    let again = service.append(expecting(0, first)).await.unwrap();
    assert_eq!(outcomes(&again), [(AlreadyThere, 1)]);
    service.stop().await;
}
