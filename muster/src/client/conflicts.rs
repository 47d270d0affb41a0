//! `muster conflicts FILE.ics|FILE.json`.

use clap::{Arg, ArgMatches, Command};
use muster_proto::compat::scheduling as pb;
use pb::conflict_service_client::ConflictServiceClient;
use serde_json::{Value, json};

use super::calendar::{self, Calendar, time};
use super::{Failure, base, channel, complain, counted, print, print_for_people, text, timed};

/// The largest answer: it has the events of the request, and the lengths of the groups beside.
const ANSWER_BYTES_MAX: usize = 2 * muster_conflicts::REQUEST_BYTES_MAX;

pub(crate) fn command() -> Command {
    let file = Arg::new("file").required(true).value_name("FILE").help(
        r#"An iCalendar file (.ics; of a recurring event only the first time counts), or JSON: {"events":[{"id":"1","title":"…","start":"2026-01-05T09:00:00Z","end":"…"}]}"#,
    );
    base(
        "conflicts",
        "Finds double bookings in a calendar",
        muster_conflicts::SERVICE.suite_port,
    )
    .arg(file)
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let Calendar { events, recurring } = calendar::read(text(matches, "file"))?;
    if recurring > 0 {
        let recurring = counted(recurring, "recurring event");
        complain(
            "conflicts",
            format!("{recurring}: only the first time of each counts"),
        );
    }
    let count = events.len();
    let client = ConflictServiceClient::new(channel(matches)?);
    let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
    let found = client
        .get_conflicts(timed(pb::EventList { events }))
        .await?;
    let groups = found.into_inner().conflicts;
    for group in &groups {
        let events = &group.conflict_group;
        let object = json!({ "conflict_group": events.iter().map(object).collect::<Vec<_>>() });
        print(matches, sketch(events), &object)?;
    }
    let (events, conflicts) = (counted(count, "event"), counted(groups.len(), "conflict"));
    print_for_people(matches, format!("{events}, {conflicts}"))
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
