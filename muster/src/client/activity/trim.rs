//! `muster activity trim TOPIC` and `retain PREFIX`.

use std::time::{Duration, SystemTime};

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use muster_kit::duration::Seconds;
use muster_proto::muster::activity::v1 as pb;
use pb::trim_request::Topics;
use serde_json::{Value, json};

use super::client;
use crate::client::{Failure, counted, print, text, timed};

pub(super) fn trim_command() -> Command {
    let topic = Arg::new("topic")
        .value_name("TOPIC")
        .required(true)
        .help("A topic, with a slash at the end all that begin so; / for all there are");
    let up_to = Arg::new("up-to")
        .long("up-to")
        .value_name("POSITION")
        .value_parser(value_parser!(i64))
        .help("Up to this position, itself included");
    let older_than = Arg::new("older-than")
        .long("older-than")
        .value_name("AGE")
        .value_parser(value_parser!(Seconds))
        .help("Received longer ago than this: 90d, 12h");
    let which = ArgGroup::new("which").args(["up-to", "older-than"]);
    Command::new("trim")
        .about("Removes events for good; what identifies them stays, so that none comes back")
        .args([topic, up_to, older_than])
        .group(which.required(true).multiple(true))
}

pub(super) fn retain_command() -> Command {
    let prefix = Arg::new("prefix")
        .value_name("PREFIX")
        .required(true)
        .help("What the topics begin with (user/); / for all there are");
    let age = Arg::new("age")
        .value_name("AGE")
        .value_parser(value_parser!(Seconds))
        .help("How long their events are kept: 90d, 12h");
    let forever = Arg::new("forever")
        .long("forever")
        .action(ArgAction::SetTrue)
        .help("As long as a shorter prefix says, otherwise for good");
    Command::new("retain")
        .about("Sets how long events are kept; the longest prefix that fits decides")
        .args([prefix, age, forever])
        .group(
            ArgGroup::new("how-long")
                .args(["age", "forever"])
                .required(true),
        )
}

pub(super) async fn trim(matches: &ArgMatches) -> Result<(), Failure> {
    let older_than = matches.get_one::<Seconds>("older-than");
    let received_before = older_than.map(|age| SystemTime::now().checked_sub(age.0));
    let received_before = match received_before {
        Some(None) => return Err(Failure::usage("--older-than: before all time")),
        before => before.flatten().map(prost_types::Timestamp::from),
    };
    let request = pb::TrimRequest {
        topics: Some(topics(text(matches, "topic"))),
        up_to_position: matches.get_one("up-to").copied(),
        received_before,
    };
    let answer = client(matches)?.trim(request).await?.into_inner();
    let removed = answer.removed_events;
    let line = format!("removed {}", counted(removed as usize, "event"));
    print(matches, line, &json!({ "removed_events": removed }))
}

pub(super) async fn retain(matches: &ArgMatches) -> Result<(), Failure> {
    let prefix = prefix(text(matches, "prefix")).to_owned();
    let age = matches.get_one::<Seconds>("age");
    let max_age = age.map(|age| prost_types::Duration::try_from(age.0));
    let request = pb::SetRetentionRequest {
        topic_prefix: prefix,
        max_age: max_age.transpose().map_err(Failure::usage)?,
    };
    let retention = pb::Retention {
        topic_prefix: request.topic_prefix.clone(),
        max_age: request.max_age,
    };
    client(matches)?.set_retention(timed(request)).await?;
    print(matches, kept(&retention), &object(&retention))
}

/// How long events are kept, in a line.
pub(super) fn kept(retention: &pb::Retention) -> String {
    let prefix = &retention.topic_prefix;
    match age(retention) {
        Some(age) => format!("{prefix}* is kept for {}", Seconds(age)),
        None => format!("{prefix}* has no retention of its own"),
    }
}

pub(super) fn object(retention: &pb::Retention) -> Value {
    json!({
        "topic_prefix": retention.topic_prefix,
        "max_age_s": age(retention).map(|age| age.as_secs_f64()),
    })
}

fn age(retention: &pb::Retention) -> Option<Duration> {
    retention.max_age?.try_into().ok()
}

fn topics(topic: &str) -> Topics {
    match topic.ends_with('/') {
        true => Topics::TopicPrefix(prefix(topic).to_owned()),
        false => Topics::Topic(topic.to_owned()),
    }
}

/// No topic begins with a slash: alone it stands for all.
fn prefix(prefix: &str) -> &str {
    match prefix {
        "/" => "",
        prefix => prefix,
    }
}
