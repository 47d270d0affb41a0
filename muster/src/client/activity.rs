//! `muster activity add JSON | list [DEPLOYMENT]`.

use clap::{Arg, ArgMatches, Command, value_parser};
use muster_proto::compat::activity as pb;
use pb::activity_events_client::ActivityEventsClient;
use serde::Deserialize;
use serde_json::json;

use super::{Failure, base, channel, print, text, timed};
use crate::client::calendar::rfc3339;

pub(crate) fn command() -> Command {
    let event = Arg::new("event").required(true).value_name("JSON").help(
        r#"The event: {"deployment_id":1,"id":7,"message":"deployed"}; without an id it gets the next (do not repeat that when it fails: the event may be stored twice)"#,
    );
    let deployment = Arg::new("deployment")
        .value_name("DEPLOYMENT")
        .value_parser(value_parser!(i32))
        .default_value("0")
        .help("The deployment; 0: all");
    base(
        "activity",
        "What happened",
        muster_activity::SERVICE.suite_port,
    )
    .subcommand_required(true)
    .subcommand(Command::new("add").about("Stores an event").arg(event))
    .subcommand(
        Command::new("list")
            .about("Lists events in the order of their arrival")
            .arg(deployment),
    )
}

/// An event as it is typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    #[serde(default)]
    id: i32,
    #[serde(default)]
    deployment_id: i32,
    message: String,
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("add", matches)) => add(matches).await,
        Some((_, matches)) => list(matches).await,
        None => Ok(()),
    }
}

async fn add(matches: &ArgMatches) -> Result<(), Failure> {
    let event: Event = serde_json::from_str(text(matches, "event")).map_err(Failure::usage)?;
    let Event {
        id,
        deployment_id,
        message,
    } = event;
    let request = pb::EventRequest {
        id,
        message,
        timestamp: None,
        deployment_id,
    };
    let mut client = ActivityEventsClient::new(channel(matches));
    let stored = client.create_event(timed(request)).await?.into_inner();
    let object = json!({ "id": stored.id, "success": stored.success, "execution_time": stored.execution_time });
    print(
        matches,
        format!(
            "stored as event {} of deployment {deployment_id}",
            stored.id
        ),
        &object,
    )
}

async fn list(matches: &ArgMatches) -> Result<(), Failure> {
    let id = matches
        .get_one::<i32>("deployment")
        .copied()
        .unwrap_or_default();
    let mut client = ActivityEventsClient::new(channel(matches));
    let mut events = client
        .list_events(pb::Deployment { id })
        .await?
        .into_inner();
    while let Some(event) = events.message().await? {
        let times = event.timestamp.unwrap_or_default();
        let line = format!(
            "{}  deployment {}  event {}  {}",
            rfc3339(times.receive / 1_000_000_000, times.receive % 1_000_000_000),
            event.deployment_id,
            event.id,
            event.message.escape_debug(),
        );
        let object = json!({
            "id": event.id,
            "deployment_id": event.deployment_id,
            "message": event.message,
            "timestamp": { "send": times.send, "receive": times.receive },
        });
        print(matches, line, &object)?;
    }
    Ok(())
}
