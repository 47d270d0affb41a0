//! Events of any topic, as they are printed.

use std::collections::BTreeMap;

use clap::ArgMatches;
use muster_proto::muster::activity::v1 as pb;
use serde_json::json;

use crate::client::calendar::rfc3339;
use crate::client::{Failure, print};

pub(super) fn show(matches: &ArgMatches, event: pb::Event) -> Result<(), Failure> {
    let (sent_at, received_at) = (time(event.sent_at), time(event.received_at));
    let attributes: BTreeMap<_, _> = event.attributes.into_iter().collect();
    let mut line = format!("{received_at}  {}  {}", event.topic, event.id);
    if !event.kind.is_empty() {
        line.push_str(&format!("  [{}]", event.kind));
    }
    line.push_str(&format!("  {}", event.message.escape_debug()));
    for (name, value) in &attributes {
        line.push_str(&format!("  {name}={}", value.escape_debug()));
    }
    let object = json!({
        "position": event.position,
        "topic": event.topic,
        "id": event.id,
        "kind": event.kind,
        "message": event.message,
        "attributes": attributes,
        "sent_at": sent_at,
        "received_at": received_at,
    });
    print(matches, line, &object)
}

fn time(time: Option<prost_types::Timestamp>) -> String {
    let time = time.unwrap_or_default();
    rfc3339(time.seconds, i64::from(time.nanos))
}
