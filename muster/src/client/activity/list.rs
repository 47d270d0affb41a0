//! `muster activity list [DEPLOYMENT|TOPIC]`.

use clap::{Arg, ArgMatches, Command};
use muster_proto::compat::activity::Deployment;
use muster_proto::compat::activity::activity_events_client::ActivityEventsClient;
use muster_proto::muster::activity::v1 as pb;
use serde_json::json;

use super::{client, filter, topic};
use crate::client::calendar::rfc3339;
use crate::client::{Failure, channel, print, text, timed};

/// The events of a page.
const PAGE_SIZE: i32 = 1_000;

pub(super) fn command() -> Command {
    let topic = Arg::new("topic")
        .value_name("DEPLOYMENT|TOPIC")
        .default_value("0")
        .help("A deployment by its number, 0: all deployments; or a topic, with a slash at the end all that begin so");
    Command::new("list")
        .about("Lists events in the order of their arrival")
        .arg(topic)
}

pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    match text(matches, "topic").parse() {
        Ok(id) => of_deployment(matches, id).await,
        Err(_) => of_topic(matches).await,
    }
}

async fn of_deployment(matches: &ArgMatches, id: i32) -> Result<(), Failure> {
    let mut client = ActivityEventsClient::new(channel(matches)?);
    let mut events = client.list_events(Deployment { id }).await?.into_inner();
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

async fn of_topic(matches: &ArgMatches) -> Result<(), Failure> {
    let mut client = client(matches)?;
    let mut page_token = String::new();
    loop {
        let request = pb::ListRequest {
            filter: filter(matches),
            page_size: PAGE_SIZE,
            page_token,
            backwards: false,
        };
        let page = client.list(timed(request)).await?.into_inner();
        for event in page.events {
            topic::show(matches, event)?;
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(());
        }
    }
}
