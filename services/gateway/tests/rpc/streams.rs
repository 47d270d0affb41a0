//! gRPC-Web: streams of answers.

use std::fs;
use std::path::Path;
use std::process::Command;

use muster_proto::muster::activity::v1 as pb;
use muster_testkit::{Process, eventually};
use pb::tail_response::Message as News;
use prost::Message;
use tempfile::TempDir;

use crate::SOON;
use crate::edge::Edge;
use crate::grpc_web::{Frames, framed};

const TAIL: &str = "muster.activity.v1.ActivityService/Tail";

/// A `Tail` that follows, in curl.
struct Tail {
    folder: TempDir,
    curl: Process,
}

impl Tail {
    fn of(edge: &Edge, topic: &str) -> Tail {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("request"), request(topic, true)).unwrap();
        let mut curl = Command::new(muster_testkit::find("curl"));
        curl.current_dir(folder.path())
            .args(["-sS", "-N", "-o", "answer", "--data-binary", "@request"])
            .args(["-H", "Content-Type: application/grpc-web+proto"])
            .arg(format!("http://{}/{TAIL}", edge.gateway.addr()));
        let curl = Process::spawn(&mut curl);
        Tail { folder, curl }
    }

    fn frames(&self) -> Frames {
        answer(self.folder.path())
    }

    /// Waits until so many events have come, and tells them.
    async fn events(&self, count: usize) -> Vec<String> {
        eventually(SOON, || {
            let events = messages(&self.frames());
            std::future::ready((events.len() >= count).then_some(events))
        })
        .await
    }

    async fn live(&self) {
        eventually(SOON, || {
            let frames = self.frames();
            let live = news(&frames).any(|news| matches!(news, News::Live(_)));
            std::future::ready(live.then_some(()))
        })
        .await;
    }
}

fn answer(folder: &Path) -> Frames {
    Frames::read(&fs::read(folder.join("answer")).unwrap_or_default())
}

fn request(topic: &str, follow: bool) -> Vec<u8> {
    let filter = pb::EventFilter {
        topics: Some(pb::event_filter::Topics::Topic(topic.to_owned())),
        ..Default::default()
    };
    framed(&pb::TailRequest {
        filter: Some(filter),
        follow,
        ..Default::default()
    })
}

fn news(frames: &Frames) -> impl Iterator<Item = News> {
    let decode = |message: &bytes::Bytes| pb::TailResponse::decode(message.clone()).unwrap();
    frames
        .messages
        .iter()
        .filter_map(move |message| decode(message).message)
}

fn messages(frames: &Frames) -> Vec<String> {
    let batches = news(frames).filter_map(|news| match news {
        News::Batch(batch) => Some(batch.events),
        _ => None,
    });
    batches.flatten().map(|event| event.message).collect()
}

async fn append(edge: &Edge, id: usize) {
    let event = format!(r#"{{"events":[{{"topic":"room/7","id":"{id}","message":"m{id}"}}]}}"#);
    let method = "muster.activity.v1.ActivityService/Append";
    edge.call(method, &event).await.ok();
}

#[tokio::test]
async fn a_stream_that_ends_ends_with_its_trailers() {
    let edge = Edge::before(&["activity"]).await;
    append(&edge, 1).await;
    let kind = ["Content-Type: application/grpc-web+proto"];
    let answer = edge.post(TAIL, &kind, &request("room/7", false)).await;
    let frames = Frames::read(&answer.body);
    assert_eq!(messages(&frames), ["m1"]);
    frames.ended_with(0);
}

#[tokio::test]
async fn a_stream_tells_each_message_as_it_comes() {
    let edge = Edge::before(&["activity"]).await;
    append(&edge, 1).await;
    let tail = Tail::of(&edge, "room/7");
    tail.live().await;
    for id in 2..=5 {
        append(&edge, id).await;
        // The next one is not even there yet.
        assert_eq!(tail.events(id).await.last().unwrap(), &format!("m{id}"));
    }
    assert_eq!(tail.events(5).await, ["m1", "m2", "m3", "m4", "m5"]);
}

#[tokio::test]
async fn the_end_of_the_service_ends_the_stream_with_unavailable() {
    let mut edge = Edge::before(&["activity"]).await;
    let mut tail = Tail::of(&edge, "room/7");
    tail.live().await;
    edge.services.get_mut("activity").unwrap().stop(SOON).await;
    tail.curl.wait_exit(SOON).await;
    tail.frames().ended_with(14);
}

#[tokio::test]
async fn a_stop_of_the_gateway_ends_its_streams_at_once() {
    let mut edge = Edge::before(&["activity"]).await;
    let mut tail = Tail::of(&edge, "room/7");
    tail.live().await;
    // Far less than the drain of ten seconds.
    edge.gateway.stop(std::time::Duration::from_secs(5)).await;
    tail.curl.wait_exit(SOON).await;
    tail.frames().ended_with(14);
}

#[tokio::test]
async fn more_streams_than_there_is_room_for_are_refused_until_others_end() {
    let edge = Edge::before(&["activity"]).await;
    let tails: Vec<Tail> = (0..128).map(|_| Tail::of(&edge, "room/7")).collect();
    for tail in &tails {
        tail.live().await;
    }
    let kind = ["Content-Type: application/grpc-web+proto"];
    let once = request("room/7", false);
    let answer = edge.post(TAIL, &kind, &once).await;
    Frames::read(&answer.body).ended_with(8);
    // Unary calls go on.
    append(&edge, 1).await;
    drop(tails);
    eventually(SOON, || async {
        let answer = edge.post(TAIL, &kind, &once).await;
        Frames::read(&answer.body)
            .trailers
            .contains("grpc-status: 0")
            .then_some(())
    })
    .await;
}

#[tokio::test]
async fn json_is_for_unary_calls_alone() {
    let edge = Edge::before(&["activity"]).await;
    let message = edge.call(TAIL, "{}").await.is_error(501, "unimplemented");
    assert!(message.contains("gRPC-Web"), "{message}");
}
