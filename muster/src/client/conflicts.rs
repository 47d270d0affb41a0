//! `muster conflicts FILE.ics|FILE.json`.

use clap::{Arg, ArgMatches, Command};
use muster_proto::compat::scheduling as pb;
use pb::conflict_service_client::ConflictServiceClient;
use prost_types::Timestamp;
use serde_json::{Value, json};

use super::calendar::{self, rfc3339};
use super::{Failure, base, channel, counted, print, text, timed};

/// The most that the service takes and gives.
const MOST_BYTES: usize = 64 * 1024 * 1024;

pub(crate) fn command() -> Command {
    let file = Arg::new("file").required(true).value_name("FILE").help(
        r#"An iCalendar file (.ics), or JSON: {"events":[{"id":"1","title":"…","start":"2026-01-05T09:00:00Z","end":"…"}]}"#,
    );
    base(
        "conflicts",
        "Finds double bookings in a calendar",
        muster_conflicts::SERVICE.suite_port,
    )
    .arg(file)
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let events = calendar::read(text(matches, "file"))?;
    let count = events.len();
    let client = ConflictServiceClient::new(channel(matches));
    let mut client = client.max_decoding_message_size(MOST_BYTES);
    let found = client
        .get_conflicts(timed(pb::EventList { events }))
        .await?;
    let groups = found.into_inner().conflicts;
    for group in &groups {
        let events = &group.conflict_group;
        let object = json!({ "conflict_group": events.iter().map(object).collect::<Vec<_>>() });
        print(matches, sketch(events), &object)?;
    }
    if !matches.get_flag("json") {
        println!(
            "{}, {}",
            counted(count, "event"),
            counted(groups.len(), "conflict")
        );
    }
    Ok(())
}

/// A group for people: a line for each event.
fn sketch(events: &[pb::Event]) -> String {
    let mut text = format!("{} events overlap:", events.len());
    for event in events {
        let name = if event.title.is_empty() {
            &event.id
        } else {
            &event.title
        };
        let (start, end) = (time(event.start.as_ref()), time(event.end.as_ref()));
        text.push_str(&format!("\n  {start} to {end}  {}", name.escape_debug()));
    }
    text
}

fn object(event: &pb::Event) -> Value {
    json!({
        "id": event.id,
        "title": event.title,
        "description": event.description,
        "start": time(event.start.as_ref()),
        "end": time(event.end.as_ref()),
    })
}

fn time(time: Option<&Timestamp>) -> String {
    time.map(|time| rfc3339(time.seconds, time.nanos.into()))
        .unwrap_or_default()
}
