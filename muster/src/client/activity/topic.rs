//! Events of any topic, as they are printed.

use std::collections::{BTreeMap, HashMap};

use clap::{Arg, ArgMatches};
use muster_proto::muster::activity::v1 as pb;
use serde_json::{Value, json};

use crate::client::calendar::time;
use crate::client::{Failure, print};

/// Which topics: the word that [`super::filter`] reads.
pub(super) fn arg() -> Arg {
    Arg::new("topic")
        .value_name("TOPIC")
        .help("A topic, with a slash at the end all that begin so [default: all]")
}

/// Prints an event.
pub(super) fn show(matches: &ArgMatches, event: pb::Event) -> Result<(), Failure> {
    match matches.get_flag("json") {
        true => print(matches, "", &object(event)),
        false => print(matches, line(event), &Value::Null),
    }
}

fn line(event: pb::Event) -> String {
    let mut line = format!(
        "{}  {}  {}",
        time(event.received_at.as_ref()),
        event.topic,
        event.id
    );
    if !event.kind.is_empty() {
        line.push_str(&format!("  [{}]", event.kind));
    }
    line.push_str(&format!("  {}", event.message.escape_debug()));
    for (name, value) in sorted(event.attributes) {
        line.push_str(&format!("  {name}={}", value.escape_debug()));
    }
    line
}

/// An event as `export` writes it.
pub(super) fn object(event: pb::Event) -> Value {
    json!({
        "position": event.position,
        "topic": event.topic,
        "id": event.id,
        "kind": event.kind,
        "message": event.message,
        "attributes": sorted(event.attributes),
        "sent_at": time(event.sent_at.as_ref()),
        "received_at": time(event.received_at.as_ref()),
    })
}

/// A map has another order each time.
fn sorted(attributes: HashMap<String, String>) -> BTreeMap<String, String> {
    attributes.into_iter().collect()
}
