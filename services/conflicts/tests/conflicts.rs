//! The service over a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use muster_conflicts::config::Config;
use muster_conflicts::{REQUEST_BYTES_MAX, SERVICE};
use muster_kit::channel::Channel;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_proto::compat::scheduling::conflict_service_client::ConflictServiceClient;
use muster_proto::compat::scheduling::{ConflictList, Event, EventList};
use prost::Message;
use prost_types::Timestamp;
use serde_json::Value;
use tonic::{Code, Status};
use tonic_types::StatusExt;

/// A running service with a client; it stops with the test.
struct Running {
    client: ConflictServiceClient<Channel>,
    _service: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start() -> Self {
        let listener = Listener::on_free_port().await.unwrap();
        let channel = Channel::to(&listener.local_addr().to_string());
        let service = muster_conflicts::run(Config, listener, Context::for_test(SERVICE.name));
        let client = ConflictServiceClient::new(channel).max_decoding_message_size(usize::MAX);
        Self {
            client,
            _service: tokio::spawn(async { service.await.unwrap() }),
        }
    }

    async fn conflicts(&mut self, events: Vec<Event>) -> Result<ConflictList, Status> {
        let answer = self.client.get_conflicts(EventList { events }).await;
        answer.map(|answer| answer.into_inner())
    }

    /// A first, small call that must be answered.
    async fn still_answers(&mut self) {
        let found = self
            .conflicts(vec![event("a", 0, 2), event("b", 1, 3)])
            .await
            .unwrap();
        assert_eq!(ids(&found), [["a", "b"]]);
    }
}

fn ids(found: &ConflictList) -> Vec<Vec<&str>> {
    let groups = found.conflicts.iter();
    groups
        .map(|group| {
            group
                .conflict_group
                .iter()
                .map(|event| event.id.as_str())
                .collect()
        })
        .collect()
}

fn time(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds, nanos: 0 })
}

fn event(id: &str, start_s: i64, end_s: i64) -> Event {
    Event {
        id: id.to_owned(),
        start: time(start_s),
        end: time(end_s),
        ..Event::default()
    }
}

/// One event that makes a request of this size.
fn of_bytes(bytes: usize) -> Vec<Event> {
    let mut list = EventList {
        events: vec![event("", 0, 1)],
    };
    list.events[0].description = "x".repeat(bytes - 1000);
    let missing = bytes - list.encoded_len();
    list.events[0].description.push_str(&"x".repeat(missing));
    assert_eq!(list.encoded_len(), bytes);
    list.events
}

/// What grpcurl would make of the same file.
fn calendar() -> Vec<Event> {
    let json: Value = serde_json::from_str(include_str!("calendar.json")).unwrap();
    let text = |event: &Value, field| event[field].as_str().unwrap_or_default().to_owned();
    let event = |event: &Value| Event {
        id: text(event, "id"),
        title: text(event, "title"),
        description: text(event, "description"),
        start: Some(text(event, "start").parse().unwrap()),
        end: Some(text(event, "end").parse().unwrap()),
    };
    json["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(event)
        .collect()
}

#[tokio::test]
async fn a_real_calendar_is_split_into_its_conflicts() {
    let mut service = Running::start().await;
    let calendar = calendar();
    assert!(calendar.len() >= 20);
    let found = service.conflicts(calendar.clone()).await.unwrap();
    let expected = [
        vec!["mon-planning", "mon-dentist", "mon-interview"],
        vec!["tue-review", "tue-board", "tue-call"],
        vec!["thu-onsite", "thu-coffee", "thu-deadline"],
        vec!["thu-yoga", "thu-reminder"],
        vec!["fri-retro-a", "fri-retro-b"],
        vec!["fri-maintenance", "fri-backup"],
        vec!["sun-party", "sun-flight"],
    ];
    assert_eq!(ids(&found), expected);
    for event in found
        .conflicts
        .iter()
        .flat_map(|group| &group.conflict_group)
    {
        assert!(calendar.contains(event), "comes back as it was: {event:?}");
    }
}

#[tokio::test]
async fn an_empty_calendar_has_no_conflicts() {
    let mut service = Running::start().await;
    assert_eq!(
        service.conflicts(vec![]).await.unwrap(),
        ConflictList::default()
    );
}

#[tokio::test]
async fn a_bad_event_is_refused_by_its_field_and_the_next_call_is_served() {
    let mut service = Running::start().await;
    let good = event("good", 0, 1);
    let far = i64::from(u32::MAX) * 1000;
    let nanos = Some(Timestamp {
        seconds: 0,
        nanos: 1_000_000_000,
    });
    for (bad, field) in [
        (
            Event {
                start: None,
                ..good.clone()
            },
            "start",
        ),
        (
            Event {
                end: None,
                ..good.clone()
            },
            "end",
        ),
        (event("backwards", 1, 0), "end"),
        (event("too early", -far, 0), "start"),
        (event("too late", 0, far), "end"),
        (
            Event {
                start: nanos,
                end: time(5),
                ..good.clone()
            },
            "start",
        ),
    ] {
        let events = vec![good.clone(), good.clone(), good.clone(), bad];
        let refusal = service.conflicts(events).await.unwrap_err();
        let field = format!("events[3].{field}");
        assert_eq!(refusal.code(), Code::InvalidArgument, "{refusal}");
        assert!(refusal.message().starts_with(&field), "{refusal}");
        let named = refusal.get_details_bad_request().unwrap();
        assert_eq!(named.field_violations[0].field, field);
        service.still_answers().await;
    }
}

#[tokio::test]
async fn a_calendar_of_many_megabytes_is_answered_whole() {
    let mut service = Running::start().await;
    let description = "x".repeat(400);
    let event = |n: i64| Event {
        description: description.clone(),
        ..event("e", n * 10, n * 10 + 11)
    };
    let found = service
        .conflicts((0..20_000).map(event).collect())
        .await
        .unwrap();
    assert_eq!(found.conflicts.len(), 1);
    assert_eq!(found.conflicts[0].conflict_group.len(), 20_000);
}

#[tokio::test]
async fn a_bad_event_deep_in_a_large_calendar_is_named() {
    let mut service = Running::start().await;
    let mut events = vec![event("e", 0, 0); 20_000];
    events[19_999].end = None;
    let refusal = service.conflicts(events).await.unwrap_err();
    assert_eq!(refusal.message(), "events[19999].end: required");
}

#[tokio::test]
async fn a_request_of_64_mib_is_taken_and_one_beyond_it_is_out_of_range() {
    let mut service = Running::start().await;
    let found = service
        .conflicts(of_bytes(REQUEST_BYTES_MAX))
        .await
        .unwrap();
    assert_eq!(found, ConflictList::default());
    let refusal = service
        .conflicts(of_bytes(REQUEST_BYTES_MAX + 1))
        .await
        .unwrap_err();
    assert_eq!(refusal.code(), Code::OutOfRange, "{refusal}");
    assert!(
        refusal.message().contains(&REQUEST_BYTES_MAX.to_string()),
        "{refusal}"
    );
    service.still_answers().await;
}
