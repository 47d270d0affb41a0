//! `muster activity add JSON`.

use std::collections::HashMap;

use clap::ArgMatches;
use muster_kit::status;
use muster_proto::compat::activity as compat;
use muster_proto::compat::activity::activity_events_client::ActivityEventsClient;
use muster_proto::muster::activity::v1 as pb;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::client;
use crate::client::{Failure, channel, print, text, timed};

/// An event of a deployment as it is typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfDeployment {
    #[serde(default)]
    id: i32,
    #[serde(default)]
    deployment_id: i32,
    message: String,
}

/// An event of any topic as it is typed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfTopic {
    topic: String,
    id: Option<String>,
    #[serde(default)]
    kind: String,
    message: String,
    #[serde(default)]
    attributes: HashMap<String, String>,
}

pub(super) async fn run(matches: &ArgMatches) -> Result<(), Failure> {
    let event: Value = serde_json::from_str(text(matches, "event")).map_err(Failure::usage)?;
    if event.get("topic").is_some() {
        let event = serde_json::from_value(event).map_err(Failure::usage)?;
        return to_topic(matches, event).await;
    }
    let event = serde_json::from_value(event).map_err(Failure::usage)?;
    to_deployment(matches, event).await
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

async fn to_topic(matches: &ArgMatches, event: OfTopic) -> Result<(), Failure> {
    let topic = event.topic;
    let id = event.id.unwrap_or_else(|| Uuid::now_v7().to_string());
    let event = pb::NewEvent {
        topic: topic.clone(),
        id: id.clone(),
        kind: event.kind,
        message: event.message,
        attributes: event.attributes,
        sent_at: None,
    };
    let request = pb::AppendRequest {
        events: vec![event],
        expected_last_position: None,
    };
    let answer = client(matches).append(timed(request)).await?.into_inner();
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
