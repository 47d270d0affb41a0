//! gRPC-Web: unary calls.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{Buf, BufMut, Bytes};
use muster_proto::muster::tasks::v1 as pb;
use prost::Message;

use crate::edge::{Answer, Edge};
use crate::peer::{self, GET, LIST};

/// What a gRPC-Web call was answered.
#[derive(Debug)]
pub(crate) struct Frames {
    pub(crate) messages: Vec<Bytes>,
    /// `grpc-status: 0` and so on, a line each; empty while there are none yet.
    pub(crate) trailers: String,
}

impl Frames {
    /// The frames that have come whole.
    pub(crate) fn read(body: &[u8]) -> Frames {
        let mut body = Bytes::copy_from_slice(body);
        let (mut messages, mut trailers) = (Vec::new(), String::new());
        while body.len() >= 5 {
            let length = u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize;
            if body.len() < 5 + length {
                break;
            }
            let flag = body.get_u8();
            body.advance(4);
            let content = body.split_to(length);
            assert!(trailers.is_empty(), "nothing follows the trailers");
            match flag {
                0 => messages.push(content),
                0x80 => trailers = String::from_utf8(content.to_vec()).unwrap(),
                flag => panic!("no such flag: {flag}"),
            }
        }
        Frames { messages, trailers }
    }

    /// The same of an answer in base64, piece by piece.
    fn read_text(body: &[u8]) -> Frames {
        let mut bytes = Vec::new();
        for group in body.chunks(4) {
            BASE64_STANDARD.decode_vec(group, &mut bytes).unwrap();
        }
        Frames::read(&bytes)
    }

    /// Checks that it ended with this code.
    #[track_caller]
    pub(crate) fn ended_with(&self, code: u8) {
        let line = format!("grpc-status: {code}\r\n");
        assert!(self.trailers.contains(&line), "{self:?}");
    }
}

/// The frame of a message.
pub(crate) fn framed(message: &impl Message) -> Vec<u8> {
    let mut frame = vec![0];
    frame.put_u32(message.encoded_len() as u32);
    message.encode(&mut frame).unwrap();
    frame
}

fn get(id: i64) -> Vec<u8> {
    framed(&pb::GetTaskRequest { id })
}

async fn binary(edge: &Edge, method: &str, headers: &[&str], body: &[u8]) -> Frames {
    let kind = ["Content-Type: application/grpc-web+proto", "X-Grpc-Web: 1"];
    let answer = edge.post(method, &[&kind, headers].concat(), body).await;
    is_grpc_web(&answer, "application/grpc-web+proto");
    Frames::read(&answer.body)
}

#[track_caller]
fn is_grpc_web(answer: &Answer, kind: &str) {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (200, Some(kind))
    );
}

#[tokio::test]
async fn a_unary_call_is_a_message_and_trailers() {
    let edge = Edge::before(&["tasks"]).await;
    let frames = binary(&edge, GET, &[], &get(1)).await;
    frames.ended_with(0);
    assert_eq!(frames.messages.len(), 1);
    let answer = pb::GetTaskResponse::decode(frames.messages[0].clone()).unwrap();
    assert_eq!(answer.task.unwrap().id, 1);
}

#[tokio::test]
async fn the_same_goes_as_text() {
    let edge = Edge::before(&["tasks"]).await;
    let body = BASE64_STANDARD.encode(get(1));
    let kind = ["Content-Type: application/grpc-web-text"];
    let answer = edge.post(GET, &kind, body.as_bytes()).await;
    is_grpc_web(&answer, "application/grpc-web-text+proto");
    let frames = Frames::read_text(&answer.body);
    frames.ended_with(0);
    let answer = pb::GetTaskResponse::decode(frames.messages[0].clone()).unwrap();
    assert_eq!(answer.task.unwrap().id, 1);
}

#[tokio::test]
async fn a_failure_is_told_in_the_trailers_with_its_details() {
    let edge = peer::edge().await;
    for code in 1..=16 {
        let frames = binary(&edge, GET, &[], &get(code.into())).await;
        assert!(frames.messages.is_empty());
        frames.ended_with(code);
        assert!(
            frames.trailers.contains("grpc-message: it%20is%20so"),
            "{frames:?}"
        );
    }
    let edge = Edge::before(&["tasks"]).await;
    let create = "muster.tasks.v1.TasksService/CreateTask";
    let frames = binary(&edge, create, &[], &[0; 5]).await;
    frames.ended_with(3);
    assert!(
        frames.trailers.contains("grpc-status-details-bin: "),
        "{frames:?}"
    );
}

#[tokio::test]
async fn a_deadline_is_that_of_the_caller() {
    let edge = peer::edge().await;
    let frames = binary(&edge, LIST, &["Grpc-Timeout: 300m"], &[0; 5]).await;
    frames.ended_with(4);
}

#[tokio::test]
async fn without_an_instance_the_trailers_say_unavailable() {
    let edge = Edge::at("", &[]).await;
    binary(&edge, GET, &["Grpc-Timeout: 300m"], &get(1))
        .await
        .ended_with(14);
}

#[tokio::test]
async fn bodies_that_hold_no_message_are_refused() {
    let edge = peer::edge().await;
    for body in [
        &b""[..],
        b"\0",
        b"\0\0\0\0\x09ab",
        b"{\"id\":1}",
        b"\0\0\0\0\0\0\0\0\0\0",
    ] {
        binary(&edge, GET, &[], body).await.ended_with(3);
    }
    let compressed = [1, 0, 0, 0, 0];
    binary(&edge, GET, &[], &compressed).await.ended_with(12);
    let coded = ["Grpc-Encoding: gzip"];
    binary(&edge, GET, &coded, &get(5)).await.ended_with(12);
    let long = vec![0; 10 * 1024 * 1024];
    binary(&edge, GET, &[], &long).await.ended_with(8);
}
