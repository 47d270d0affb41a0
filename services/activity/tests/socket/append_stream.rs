//! AppendStream.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use muster_proto::muster::activity::v1 as pb;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use crate::service::{Service, new_event};

type Answers = Streaming<pb::AppendStreamResponse>;

async fn next(answers: &mut Answers) -> Result<Option<Vec<i64>>, Status> {
    let answer = timeout(Duration::from_secs(30), answers.message()).await;
    let positions = |answer: pb::AppendStreamResponse| {
        let results = answer.results.iter();
        results.map(|result| result.position).collect()
    };
    answer.unwrap().map(|answer| answer.map(positions))
}

fn request(ids: impl IntoIterator<Item = i64>) -> pb::AppendStreamRequest {
    let event = |id: i64| new_event("user/1", &id.to_string(), "a");
    pb::AppendStreamRequest {
        events: ids.into_iter().map(event).collect(),
        expected_last_position: None,
    }
}

#[tokio::test]
async fn requests_are_stored_and_answered_in_the_order_in_which_they_are_sent() {
    const REQUESTS: i64 = 2_000;
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let requests = (0..REQUESTS).map(|n| request([2 * n + 1, 2 * n + 2]));
    let mut answers = service.append_stream(stream::iter(requests)).await;
    for n in 0..REQUESTS {
        let positions = next(&mut answers).await.unwrap();
        assert_eq!(positions, Some(vec![2 * n + 1, 2 * n + 2]));
    }
    assert_eq!(next(&mut answers).await.unwrap(), None);
    service.stop().await;
}

#[tokio::test]
async fn what_is_sent_behind_an_expected_position_can_be_pipelined() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let requests = (0..100).map(|n| pb::AppendStreamRequest {
        expected_last_position: Some(n),
        ..request([n + 1])
    });
    let mut answers = service.append_stream(stream::iter(requests)).await;
    for n in 1..=100 {
        assert_eq!(next(&mut answers).await.unwrap(), Some(vec![n]));
    }
    service.stop().await;
}

#[tokio::test]
async fn the_first_request_that_fails_ends_the_stream_and_all_before_it_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let requests = [request([1]), request([2]), request([]), request([3])];
    let mut answers = service.append_stream(stream::iter(requests)).await;
    assert_eq!(next(&mut answers).await.unwrap(), Some(vec![1]));
    assert_eq!(next(&mut answers).await.unwrap(), Some(vec![2]));
    let refused = next(&mut answers).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    service.stop().await;
}

#[tokio::test]
async fn a_sender_that_reads_no_answers_is_held_up_and_nothing_of_it_is_lost() {
    const REQUESTS: i64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let requests = stream::iter((1..=REQUESTS).map(|n| request([n])));
    let mut answers = service.append_stream(requests).await;
    // Others are served meanwhile.
    let other = pb::AppendRequest {
        events: vec![new_event("user/2", "x", "a")],
        expected_last_position: None,
    };
    service.append(other).await.unwrap();
    let mut count = 0;
    while next(&mut answers).await.unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, REQUESTS);
    assert_eq!(service.stats().await.events, REQUESTS + 1);
    service.stop().await;
}

#[tokio::test]
async fn a_stop_ends_a_stream_that_waits_for_requests_with_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::start(&folder).await;
    let requests = stream::iter([request([1])]).chain(stream::pending());
    let mut answers = service.append_stream(requests).await;
    assert_eq!(next(&mut answers).await.unwrap(), Some(vec![1]));
    service.stop().await;
    let end = next(&mut answers).await.unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
}
