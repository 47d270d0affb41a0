//! `muster activity add | list | tail | stats | trim | retain | export | import | backup | verify`.

use clap::{ArgMatches, Command};
use muster_kit::channel::Channel;
use muster_proto::muster::activity::v1 as pb;
use pb::activity_service_client::ActivityServiceClient;
use serde_json::json;

use super::{Failure, base, channel, counted, print, text, timed};

mod add;
mod bar;
mod export;
mod import;
mod lines;
mod list;
mod offline;
mod requests;
mod tail;
mod tally;
mod topic;
mod trim;
mod typed;

pub(crate) fn command() -> Command {
    base(
        "activity",
        "What happened",
        muster_activity::SERVICE.suite_port,
    )
    .subcommand_required(true)
    .subcommand(add::command())
    .subcommand(list::command())
    .subcommand(tail::command())
    .subcommand(Command::new("stats").about("Tells how much the store holds"))
    .subcommand(trim::trim_command())
    .subcommand(trim::retain_command())
    .subcommand(export::command())
    .subcommand(import::command())
    .subcommand(offline::backup_command())
    .subcommand(offline::verify_command())
}

pub(crate) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.subcommand() {
        Some(("add", matches)) => add::run(matches).await,
        Some(("list", matches)) => list::run(matches).await,
        Some(("tail", matches)) => tail::run(matches).await,
        Some(("trim", matches)) => trim::trim(matches).await,
        Some(("retain", matches)) => trim::retain(matches).await,
        Some(("export", matches)) => export::run(matches).await,
        Some(("import", matches)) => import::run(matches).await,
        Some(("backup", matches)) => offline::backup(matches),
        Some(("verify", matches)) => offline::verify(matches),
        Some((_, matches)) => stats(matches).await,
        None => Ok(()),
    }
}

type Client = ActivityServiceClient<Channel>;

fn client(matches: &ArgMatches) -> Result<Client, Failure> {
    Ok(ActivityServiceClient::new(channel(matches)?))
}

async fn stats(matches: &ArgMatches) -> Result<(), Failure> {
    let mut client = client(matches)?;
    let stats = client.get_stats(timed(pb::GetStatsRequest {})).await?;
    let stats = stats.into_inner();
    let mut line = format!(
        "{} in {}, {} bytes, store {}",
        counted(stats.events as usize, "event"),
        counted(stats.topics as usize, "topic"),
        stats.size_bytes,
        stats.store_id,
    );
    for retention in &stats.retentions {
        line.push_str(&format!("\n{}", trim::kept(retention)));
    }
    let object = json!({
        "store_id": stats.store_id,
        "events": stats.events,
        "topics": stats.topics,
        "first_position": stats.first_position,
        "last_position": stats.last_position,
        "size_bytes": stats.size_bytes,
        "retentions": stats.retentions.iter().map(trim::object).collect::<Vec<_>>(),
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
