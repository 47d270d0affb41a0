//! Large requests wait for each other, small ones for nobody.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::convert::Infallible;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use muster_conflicts::config::Config;
use muster_conflicts::{REQUEST_BYTES_MAX, REQUESTS_BYTES_MAX, SERVICE};
use muster_kit::channel::Channel;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_proto::compat::scheduling::conflict_service_client::ConflictServiceClient;
use muster_proto::compat::scheduling::{Event, EventList};
use muster_testkit::eventually;
use prost::bytes::Bytes;
use prost_types::Timestamp;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::{Code, Request, Status};

const SOON: Duration = Duration::from_secs(20);

async fn service() -> Channel {
    let listener = Listener::on_free_port().await.unwrap();
    let channel = Channel::to(&listener.local_addr().to_string());
    tokio::spawn(muster_conflicts::run(
        Config,
        listener,
        Context::for_test(SERVICE.name),
    ));
    channel
}

/// A request with this body, as far as it goes; then its sender falls silent.
async fn send(mut channel: Channel, body: Vec<u8>) -> http::Response<Body> {
    let sent = Frame::data(Bytes::from(body));
    let frames = stream::iter([Ok::<_, Infallible>(sent)]).chain(stream::pending());
    let request = http::Request::post("/Scheduling.ConflictService/GetConflicts")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Body::new(StreamBody::new(frames)))
        .unwrap();
    channel.call(request).await.unwrap()
}

/// The announcement of a message of so many bytes.
fn prefix(bytes: usize) -> Vec<u8> {
    let length = u32::try_from(bytes).unwrap().to_be_bytes();
    [&[0], &length[..]].concat()
}

async fn call(channel: &Channel, description_bytes: usize) -> Result<(), Status> {
    let time = Some(Timestamp::default());
    let event = Event {
        description: "x".repeat(description_bytes),
        start: time,
        end: time,
        ..Event::default()
    };
    let mut request = Request::new(EventList {
        events: vec![event],
    });
    request.set_timeout(Duration::from_secs(1));
    let mut client = ConflictServiceClient::new(channel.clone());
    client.get_conflicts(request).await.map(|_| ())
}

#[tokio::test]
async fn a_large_request_waits_for_room_and_a_small_one_does_not() {
    let channel = service().await;
    let uploads: Vec<_> = (0..REQUESTS_BYTES_MAX / REQUEST_BYTES_MAX)
        .map(|_| tokio::spawn(send(channel.clone(), prefix(REQUEST_BYTES_MAX))))
        .collect();
    eventually(SOON, || async {
        let refused = call(&channel, 1_000_000).await.err()?;
        assert_eq!(refused.code(), Code::DeadlineExceeded, "{refused}");
        Some(())
    })
    .await;
    call(&channel, 1_000).await.unwrap();

    for upload in uploads {
        upload.abort();
    }
    eventually(SOON, || async { call(&channel, 1_000_000).await.ok() }).await;
}

#[tokio::test]
async fn what_comes_after_the_message_is_not_received() {
    let channel = service().await;
    let two = [prefix(0), prefix(REQUEST_BYTES_MAX)].concat();
    let sending = send(channel.clone(), two);
    let answer = tokio::time::timeout(SOON, sending).await.unwrap();
    let status = Status::from_header_map(answer.headers()).unwrap();
    assert_ne!(status.code(), Code::Ok, "{status}");
    call(&channel, 1_000).await.unwrap();
}
