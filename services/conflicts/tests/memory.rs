//! What requests may cost, measured on the binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use muster_conflicts::{EVENTS_MAX, REQUEST_BYTES_MAX};
use muster_kit::channel::Channel;
use muster_proto::compat::scheduling::{Event, EventList};
use muster_testkit::Service;
use prost::bytes::{Buf, BufMut, Bytes};
use prost::encoding::{DecodeContext, WireType};
use prost::{DecodeError, Message};
use prost_types::Timestamp;
use tonic::client::Grpc;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

/// What the service may take, all in all; its container has 1 GiB.
const PEAK_BYTES_MAX: u64 = 768 * 1024 * 1024;

/// A message that is encoded already: decoded, it would take more memory than a test should.
#[derive(Debug, Default)]
struct Encoded(Bytes);

impl Message for Encoded {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        buffer.put_slice(&self.0);
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn merge_field(
        &mut self,
        _tag: u32,
        _wire_type: WireType,
        _buffer: &mut impl Buf,
        _context: DecodeContext,
    ) -> Result<(), DecodeError> {
        Ok(())
    }

    fn clear(&mut self) {}
}

/// Calls with a message as it is; looks at the status of the answer alone.
async fn call(channel: &Channel, message: Bytes) -> Result<(), Status> {
    let mut client = Grpc::new(channel.clone()).max_decoding_message_size(usize::MAX);
    client.ready().await.unwrap();
    let path = "/Scheduling.ConflictService/GetConflicts".parse().unwrap();
    let codec = ProstCodec::<Encoded, ()>::default();
    let answer = client.unary(Request::new(Encoded(message)), path, codec);
    answer.await.map(|answer| answer.into_inner())
}

/// A request of as many events as are taken, in as many bytes, all in conflict with each other.
fn largest() -> Bytes {
    let time = |seconds| Some(Timestamp { seconds, nanos: 0 });
    let mut event = Event {
        start: time(1),
        end: time(2),
        ..Event::default()
    };
    let room = REQUEST_BYTES_MAX / EVENTS_MAX;
    let size = |event: &Event| {
        EventList {
            events: vec![event.clone()],
        }
        .encoded_len()
    };
    event.title = "x".repeat(room - size(&event) - 2);
    assert_eq!(size(&event), room);
    EventList {
        events: vec![event],
    }
    .encode_to_vec()
    .repeat(EVENTS_MAX)
    .into()
}

#[tokio::test]
async fn no_request_makes_the_service_take_more_memory_than_it_has() {
    let mut service = Service::start("muster-conflicts", &[]).await;
    let channel = Channel::to(&service.addr());

    // The most events that fit, of no bytes each.
    let empty = Bytes::from([0x0a, 0x00].repeat(REQUEST_BYTES_MAX / 2));
    let refusals = tokio::join!(
        call(&channel, empty.clone()),
        call(&channel, empty.clone()),
        call(&channel, empty.clone()),
        call(&channel, empty)
    );
    for refusal in <[_; 4]>::from(refusals) {
        let refusal = refusal.unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidArgument, "{refusal}");
        assert!(refusal.message().starts_with("events: "), "{refusal}");
    }

    // The most that is taken, several at once.
    let largest = largest();
    let answers = tokio::join!(
        call(&channel, largest.clone()),
        call(&channel, largest.clone()),
        call(&channel, largest)
    );
    for answer in <[_; 3]>::from(answers) {
        answer.unwrap();
    }

    let peak = service.process().peak_resident_bytes();
    eprintln!("peak: {} MiB", peak / 1024 / 1024);
    assert!(peak < PEAK_BYTES_MAX, "took {} MiB", peak / 1024 / 1024);
    call(&channel, Bytes::new()).await.unwrap();
}
