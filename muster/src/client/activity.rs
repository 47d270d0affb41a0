//! `muster activity add JSON | list [DEPLOYMENT|TOPIC] | tail [TOPIC] | stats`.

use clap::{Arg, ArgAction, ArgMatches, Command};
use muster_kit::channel::Channel;
use muster_proto::muster::activity::v1 as pb;
use pb::activity_service_client::ActivityServiceClient;
use serde_json::json;

use super::{Failure, base, channel, counted, print, text, timed};

mod add;
mod list;
mod tail;
mod topic;

pub(crate) fn command() -> Command {
    base(
        "activity",
        "What happened",
        muster_activity::SERVICE.suite_port,
    )
    .subcommand_required(true)
    .subcommand(add_command())
    .subcommand(list_command())
    .subcommand(tail_command())
    .subcommand(Command::new("stats").about("Tells how much the store holds"))
}

fn add_command() -> Command {
    let event = Arg::new("event").required(true).value_name("JSON").help(
        r#"The event: {"deployment_id":1,"id":7,"message":"deployed"}; without an id it gets the next (do not repeat that when it fails: the event may be stored twice). Or of any topic: {"topic":"room/7","id":"x","kind":"chat","message":"hello","attributes":{"from":"ann"}}; without an id it gets a random one"#,
    );
    Command::new("add").about("Stores an event").arg(event)
}

fn list_command() -> Command {
    let topic = Arg::new("topic")
        .value_name("DEPLOYMENT|TOPIC")
        .default_value("0")
        .help("A deployment by its number, 0: all deployments; or a topic, with a slash at the end all that begin so");
    Command::new("list")
        .about("Lists events in the order of their arrival")
        .arg(topic)
}

fn tail_command() -> Command {
    let topic = Arg::new("topic")
        .value_name("TOPIC")
        .help("A topic, with a slash at the end all that begin so [default: all]");
    let switch = |name: &'static str, help: &'static str| {
        let switch = Arg::new(name).long(name).action(ArgAction::SetTrue);
        switch.help(help)
    };
    Command::new("tail")
        .about("Prints events from the first one on, or as they come")
        .arg(topic)
        .arg(switch(
            "follow",
            "Go on with each new event, also when the service was away",
        ))
        .arg(switch("new", "Only what comes from now on"))
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("add", matches)) => add::run(matches).await,
        Some(("list", matches)) => list::run(matches).await,
        Some(("tail", matches)) => tail::run(matches).await,
        Some((_, matches)) => stats(matches).await,
        None => Ok(()),
    }
}

type Client = ActivityServiceClient<Channel>;

fn client(matches: &ArgMatches) -> Client {
    ActivityServiceClient::new(channel(matches))
}

async fn stats(matches: &ArgMatches) -> Result<(), Failure> {
    let mut client = client(matches);
    let stats = client.get_stats(timed(pb::GetStatsRequest {})).await?;
    let stats = stats.into_inner();
    let line = format!(
        "{} in {}, {} bytes, store {}",
        counted(stats.events as usize, "event"),
        counted(stats.topics as usize, "topic"),
        stats.size_bytes,
        stats.store_id,
    );
    let object = json!({
        "store_id": stats.store_id,
        "events": stats.events,
        "topics": stats.topics,
        "first_position": stats.first_position,
        "last_position": stats.last_position,
        "size_bytes": stats.size_bytes,
    });
    print(matches, line, &object)
}

/// What a topic, a topic with a slash at the end, or nothing selects.
fn filter(matches: &ArgMatches) -> Option<pb::EventFilter> {
    use pb::event_filter::Topics;
    let topics = match text(matches, "topic") {
        "" => return None,
        prefix if prefix.ends_with('/') => Topics::TopicPrefix(prefix.to_owned()),
        topic => Topics::Topic(topic.to_owned()),
    };
    Some(pb::EventFilter {
        topics: Some(topics),
        ..pb::EventFilter::default()
    })
}
