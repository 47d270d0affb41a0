//! `muster activity add JSON|-`, `add --file FILE`.

use clap::{Arg, ArgMatches, Command};
use muster_kit::status;
use muster_proto::compat::activity as compat;
use muster_proto::compat::activity::activity_events_client::ActivityEventsClient;
use muster_proto::muster::activity::v1 as pb;
use serde_json::json;

use super::typed::{OfDeployment, OfTopic, Typed};
use super::{client, import};
use crate::client::{Failure, channel, print, text, timed};

pub(super) fn command() -> Command {
    let event = Arg::new("event").value_name("JSON").help(
        r#"The event: {"deployment_id":7,"id":3,"message":"deployed"}; without an id it gets the next (do not repeat that when it fails: the event may be stored twice). Or of any topic: {"topic":"room/7","id":"x","kind":"chat","message":"hello","attributes":{"from":"ann"},"sent_at":"2026-01-05T09:00:00Z"}; without an id it gets a new one each time. -: standard input, one event a line"#,
    );
    let file = Arg::new("file")
        .long("file")
        .value_name("FILE")
        .help("Stores the events of a file, one a line; in a deployment with their ids");
    Command::new("add")
        .about("Stores an event, or those of a file")
        .after_help("A file is stored up to its first bad line. The same file again is safe where every line has an id: what is there already stays as it is.")
        .arg_required_else_help(true)
        .arg(event.required_unless_present("file").conflicts_with("file"))
        .arg(file)
}

pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match (text(matches, "file"), text(matches, "event")) {
        ("", "-") => import::store(matches, "-").await,
        ("", event) => one(matches, event).await,
        (file, _) => import::store(matches, file).await,
    }
}

async fn one(matches: &ArgMatches, event: &str) -> Result<(), Failure> {
    match Typed::parse(event.as_bytes()).map_err(Failure::usage)? {
        Typed::OfDeployment(event) => to_deployment(matches, event).await,
        Typed::OfTopic(event) => to_topic(matches, event).await,
    }
}

async fn to_deployment(matches: &ArgMatches, event: OfDeployment) -> Result<(), Failure> {
    let OfDeployment {
        id,
        deployment_id,
        message,
    } = event;
    let request = compat::EventRequest {
        id,
        message,
        timestamp: None,
        deployment_id,
    };
    let mut client = ActivityEventsClient::new(channel(matches)?);
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

async fn to_topic(matches: &ArgMatches, event: OfTopic) -> Result<(), Failure> {
    let event = event.into_new().map_err(Failure::usage)?;
    let (topic, id) = (event.topic.clone(), event.id.clone());
    let request = pb::AppendRequest {
        events: vec![event],
        expected_last_position: None,
    };
    let answer = client(matches)?.append(timed(request)).await?.into_inner();
    let result = answer.results.into_iter().next().unwrap_or_default();
    let outcome = match result.outcome() {
        pb::AppendOutcome::Conflict => {
            let why = format!("event {id} of {topic} is there with another content");
            return Err(status::already_exists(why).into());
        }
        pb::AppendOutcome::AlreadyThere => "already there",
        _ => "stored",
    };
    let object =
        json!({ "topic": topic, "id": id, "outcome": outcome, "position": result.position });
    print(
        matches,
        format!("{outcome} as event {id} of {topic}"),
        &object,
    )
}
