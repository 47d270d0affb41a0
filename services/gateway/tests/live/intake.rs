//! Events from the bus.

use std::time::Duration;

use bytes::Bytes;
use muster_gateway::intake;
use muster_kit::Shutdown;
use muster_kit::bus::{Bus, Destination, Message};
use muster_kit::channel::Channel;
use muster_kit::event::Event;
use muster_proto::muster::activity::v1 as pb;
use pb::activity_service_client::ActivityServiceClient;
use serde_json::json;

use crate::site::Site;

/// A bus from which events are taken into the activity service of a site.
fn taken_in(site: &Site) -> Bus {
    let bus = Bus::in_process();
    let activity = ActivityServiceClient::new(Channel::to(&site.activity.addr()));
    let retention = Duration::from_secs(60);
    tokio::spawn(intake::keep(
        bus.clone(),
        activity,
        retention,
        Shutdown::default(),
    ));
    bus
}

/// A message for user 1.
fn message(id: &str, text: &str) -> Message {
    let kind = "muster.tests.told".to_owned();
    let event = Event {
        id: id.to_owned(),
        source: "muster/tests".to_owned(),
        kind: kind.clone(),
        subject: None,
        time_ms: 0,
        recipient: Some("1".to_owned()),
        trace: None,
        data: json!({ "message": text }),
    };
    Message {
        id: id.to_owned(),
        to: Destination::Event { kind },
        body: event.to_json(),
        trace: None,
    }
}

#[tokio::test]
async fn what_can_never_be_stored_holds_up_nothing_behind_it() {
    let site = Site::start().await;
    let bus = taken_in(&site);
    let mut client = site.connect().await;
    client.subscribe(1).await;
    let (long_id, long_text) = ("x".repeat(300), "x".repeat(70_000));
    let too_long_for_a_call = "x".repeat(5 * 1024 * 1024);
    let no_event = Message {
        body: Bytes::from_static(b"hello"),
        ..message("none", "")
    };
    let messages = vec![
        message("1", "one"),
        message("long", &too_long_for_a_call),
        message(&long_id, ""),
        message("2", "two"),
        no_event,
        message("longer", &long_text),
        message(&long_id, "again"),
        message("3", "three"),
    ];
    bus.publish(messages).await.unwrap();
    assert_eq!(client.messages(3).await.0, ["one", "two", "three"]);
    client.nothing_else().await;
}

#[tokio::test]
async fn events_come_in_where_their_retention_cannot_be_set() {
    let site = Site::start().await;
    let mut activity = ActivityServiceClient::new(Channel::to(&site.activity.addr()));
    for number in 0..100 {
        let retention = pb::SetRetentionRequest {
            topic_prefix: format!("other/{number}/"),
            max_age: Duration::from_secs(60).try_into().ok(),
        };
        activity.set_retention(retention).await.unwrap();
    }
    let bus = taken_in(&site);
    bus.publish(vec![message("1", "one")]).await.unwrap();
    let mut client = site.connect().await;
    client
        .send(json!({"type": "subscribe", "user_id": 1, "after": ""}))
        .await;
    assert_eq!(client.messages(1).await.0, ["one"]);
}
