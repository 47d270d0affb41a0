//! Events as they are typed, or stand in a line of a file.

use std::collections::BTreeMap;

use chrono::{DateTime, FixedOffset};
use muster_activity::error::BadField;
use muster_activity::event::NewEvent;
use muster_activity::topic::Topic;
use muster_proto::muster::activity::v1 as pb;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use uuid::Uuid;

use crate::client::calendar;

/// An event in either form.
#[derive(Debug)]
pub(super) enum Typed {
    OfDeployment(OfDeployment),
    OfTopic(OfTopic),
}

/// An event of a deployment; id 0: the service gives one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfDeployment {
    #[serde(default)]
    pub(super) id: i32,
    #[serde(default)]
    pub(super) deployment_id: i32,
    pub(super) message: String,
}

/// An event of any topic, also as `export` writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OfTopic {
    topic: String,
    id: Option<String>,
    #[serde(default)]
    kind: String,
    message: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    sent_at: Option<DateTime<FixedOffset>>,
    /// Both are given anew by the store that the event goes to.
    #[serde(rename = "position")]
    _position: Option<IgnoredAny>,
    #[serde(rename = "received_at")]
    _received_at: Option<IgnoredAny>,
}

impl Typed {
    /// # Errors
    /// It is no JSON, or no event.
    pub(super) fn parse(json: &[u8]) -> serde_json::Result<Typed> {
        let event: Value = serde_json::from_slice(json)?;
        match event.get("topic") {
            Some(_) => serde_json::from_value(event).map(Typed::OfTopic),
            None => serde_json::from_value(event).map(Typed::OfDeployment),
        }
    }

    /// Whether the same again is known to be the same.
    pub(super) fn has_id(&self) -> bool {
        match self {
            Typed::OfDeployment(event) => event.id != 0,
            Typed::OfTopic(event) => event.id.is_some(),
        }
    }

    /// As the service takes it, by the service's own rules.
    ///
    /// # Errors
    /// A field is bad; also an event of a deployment without an id, which only `CreateEvent`
    /// gives.
    pub(super) fn into_new(self) -> Result<pb::NewEvent, BadField> {
        match self {
            Typed::OfDeployment(event) => event.into_new(),
            Typed::OfTopic(event) => event.into_new(),
        }
    }
}

impl OfDeployment {
    fn into_new(self) -> Result<pb::NewEvent, BadField> {
        if self.id == 0 {
            return Err(BadField::new("id", "required for a deployment"));
        }
        let OfDeployment {
            id,
            deployment_id,
            message,
        } = self;
        let event = NewEvent::of_deployment(deployment_id, id, message, 0, 0)?;
        Ok(to_proto(event, None))
    }
}

impl OfTopic {
    /// Without an id it gets one that nothing else has, and that sorts by time.
    pub(super) fn into_new(self) -> Result<pb::NewEvent, BadField> {
        let sent_at = self.sent_at.map(|time| time.to_utc());
        let send_ns = match sent_at {
            Some(time) => time.timestamp_nanos_opt().ok_or_else(|| {
                BadField::new("sent_at", "must lie between the years 1678 and 2262")
            })?,
            None => 0,
        };
        let event = NewEvent {
            topic: Topic::parse(self.topic)?,
            id: Some(self.id.unwrap_or_else(|| Uuid::now_v7().to_string())),
            kind: self.kind,
            message: self.message,
            attributes: self.attributes,
            send_ns,
            receive_ns: 0,
        };
        let sent_at = sent_at.as_ref().map(calendar::timestamp);
        Ok(to_proto(event.checked()?, sent_at))
    }
}

fn to_proto(event: NewEvent, sent_at: Option<prost_types::Timestamp>) -> pb::NewEvent {
    pb::NewEvent {
        topic: event.topic.into_string(),
        id: event.id.unwrap_or_default(),
        kind: event.kind,
        message: event.message,
        attributes: event.attributes.into_iter().collect(),
        sent_at,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn new(json: &str) -> Result<pb::NewEvent, BadField> {
        Typed::parse(json.as_bytes()).unwrap().into_new()
    }

    #[test]
    fn an_event_of_a_deployment_is_one_of_its_topic() {
        let event = new(r#"{"deployment_id":7,"id":-3,"message":"built"}"#).unwrap();
        assert_eq!(
            (&*event.topic, &*event.id, &*event.message),
            ("deployment/7", "-3", "built")
        );
        let refused = new(r#"{"deployment_id":7,"message":"built"}"#).unwrap_err();
        assert_eq!(refused.to_string(), "id: required for a deployment");
    }

    #[test]
    fn what_was_exported_is_taken_and_keeps_the_time_it_was_sent() {
        let line = r#"{"attributes":{"from":"ann"},"id":"x","kind":"chat","message":"hi","position":9,"received_at":"2026-01-05T09:00:01Z","sent_at":"2026-01-05T09:00:00.000000001Z","topic":"room/7"}"#;
        let event = new(line).unwrap();
        assert_eq!((&*event.id, &*event.kind), ("x", "chat"));
        assert_eq!(event.attributes["from"], "ann");
        assert_eq!(event.sent_at.unwrap().nanos, 1);
    }

    #[test]
    fn what_the_service_would_refuse_is_refused_by_name() {
        for (field, json) in [
            ("topic", r#"{"topic":"a//b","message":""}"#),
            ("id", r#"{"topic":"a","id":"","message":""}"#),
            ("kind", r#"{"topic":"a","kind":"\n","message":""}"#),
            (
                "sent_at",
                r#"{"topic":"a","message":"","sent_at":"2263-01-01T00:00:00Z"}"#,
            ),
        ] {
            assert_eq!(new(json).unwrap_err().field, field);
        }
        for json in ["", "7", "{}", r#"{"topic":"a","message":"","form":1}"#] {
            assert!(Typed::parse(json.as_bytes()).is_err(), "{json}");
        }
    }

    #[test]
    fn events_without_an_id_get_one_each() {
        let [one, other] = [(); 2].map(|()| new(r#"{"topic":"a","message":"b"}"#).unwrap());
        assert_ne!(one.id, other.id);
    }
}
