//! What happened, in the form in which services tell each other: CloudEvents 1.0 in JSON (structured mode).

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::trace::TraceContext;

const VERSION: &str = "1.0";

/// One thing that happened. <https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md>
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Tells it from all others of its source; the same again is the same event.
    pub id: String,
    /// Who tells of it: `muster/orders`.
    pub source: String,
    /// What happened (`type` in JSON): `muster.orders.order.placed`.
    pub kind: String,
    /// What it happened to: `order/7`.
    pub subject: Option<String>,
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Whom it concerns, by user id: an extension of ours.
    pub recipient: Option<String>,
    /// The trace that it was brought about in: the extension of distributed tracing, `traceparent` and `tracestate`.
    pub trace: Option<TraceContext>,
    /// The rest.
    pub data: Value,
}

/// Bytes that are no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoEvent {
    /// They are no JSON, or an attribute is missing or of another type.
    #[error("no event: {0}")]
    Json(String),
    /// It is one of another version of the specification.
    #[error("specversion {0:?}: expected {VERSION:?}")]
    Version(String),
    /// An attribute that must say something is empty.
    #[error("{0}: empty")]
    Empty(&'static str),
    /// Its time is none.
    #[error("time {0:?}: expected RFC 3339")]
    Time(String),
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    specversion: String,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tracestate: Option<String>,
    #[serde(default)]
    data: Value,
}

impl Event {
    /// The envelope, as it goes over the bus.
    pub fn to_json(&self) -> Bytes {
        let this = self.clone();
        let time = DateTime::from_timestamp_millis(this.time_ms).unwrap_or_default();
        let envelope = Envelope {
            specversion: VERSION.to_owned(),
            id: this.id,
            source: this.source,
            kind: this.kind,
            subject: this.subject,
            time: time.to_rfc3339_opts(SecondsFormat::Millis, true),
            recipient: this.recipient,
            traceparent: this.trace.as_ref().map(TraceContext::parent),
            tracestate: this
                .trace
                .and_then(|trace| trace.state().map(str::to_owned)),
            data: this.data,
        };
        // Strings and a JSON value: nothing in it that JSON cannot hold.
        serde_json::to_vec(&envelope).unwrap_or_default().into()
    }

    /// Reads an envelope; attributes that we do not know are left out.
    ///
    /// # Errors
    /// It is none, or one of another version.
    pub fn from_json(bytes: &[u8]) -> Result<Self, NoEvent> {
        let envelope: Envelope =
            serde_json::from_slice(bytes).map_err(|error| NoEvent::Json(error.to_string()))?;
        if envelope.specversion != VERSION {
            return Err(NoEvent::Version(envelope.specversion));
        }
        let attributes = [
            ("id", &envelope.id),
            ("source", &envelope.source),
            ("type", &envelope.kind),
        ];
        if let Some((name, _)) = attributes.iter().find(|(_, text)| text.is_empty()) {
            return Err(NoEvent::Empty(name));
        }
        let Ok(time) = DateTime::parse_from_rfc3339(&envelope.time) else {
            return Err(NoEvent::Time(envelope.time));
        };
        Ok(Self {
            id: envelope.id,
            source: envelope.source,
            kind: envelope.kind,
            subject: envelope.subject,
            time_ms: time.timestamp_millis(),
            recipient: envelope.recipient,
            trace: TraceContext::read(
                envelope.traceparent.as_deref(),
                envelope.tracestate.as_deref(),
            ),
            data: envelope.data,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn event() -> Event {
        Event {
            id: "7".to_owned(),
            source: "muster/orders".to_owned(),
            kind: "muster.orders.order.placed".to_owned(),
            subject: Some("order/7".to_owned()),
            time_ms: 1_706_907_323_004,
            recipient: Some("1".to_owned()),
            trace: TraceContext::parse(TRACE, Some("a=1")),
            data: json!({"message": "placed"}),
        }
    }

    fn without(attribute: &str) -> Vec<u8> {
        let mut json: Value = serde_json::from_slice(&event().to_json()).unwrap();
        json.as_object_mut().unwrap().remove(attribute).unwrap();
        json.to_string().into_bytes()
    }

    #[test]
    fn an_event_is_written_as_cloudevents_does() {
        let json: Value = serde_json::from_slice(&event().to_json()).unwrap();
        let expected = json!({
            "specversion": "1.0",
            "id": "7",
            "source": "muster/orders",
            "type": "muster.orders.order.placed",
            "subject": "order/7",
            "time": "2024-02-02T20:55:23.004Z",
            "recipient": "1",
            "traceparent": TRACE,
            "tracestate": "a=1",
            "data": {"message": "placed"},
        });
        assert_eq!(json, expected);
    }

    #[test]
    fn an_event_is_read_as_it_was_written() {
        assert_eq!(Event::from_json(&event().to_json()), Ok(event()));
        let bare = Event {
            subject: None,
            recipient: None,
            trace: None,
            data: Value::Null,
            ..event()
        };
        assert_eq!(Event::from_json(&bare.to_json()), Ok(bare));
    }

    #[test]
    fn an_event_of_others_may_lack_what_is_optional_and_have_more() {
        let text = r#"{"specversion":"1.0","id":"1","source":"/else","type":"x",
            "time":"2024-02-02T21:55:23+01:00","datacontenttype":"application/json","traceparent":"none","more":1}"#;
        let event = Event::from_json(text.as_bytes()).unwrap();
        assert_eq!(event.time_ms, 1_706_907_323_000);
        assert_eq!((event.trace, event.data), (None, Value::Null));
    }

    #[test]
    fn what_is_no_event_is_refused_with_the_reason() {
        for attribute in ["specversion", "id", "source", "type", "time"] {
            let error = Event::from_json(&without(attribute)).unwrap_err();
            assert!(error.to_string().contains(attribute), "{error}");
        }
        assert!(matches!(Event::from_json(b"{"), Err(NoEvent::Json(_))));
        let other = |from: &str, to: &str| {
            let text = String::from_utf8(event().to_json().to_vec()).unwrap();
            Event::from_json(text.replace(from, to).as_bytes()).unwrap_err()
        };
        assert_eq!(other("\"1.0\"", "\"2\""), NoEvent::Version("2".to_owned()));
        assert_eq!(other("\"7\"", "\"\""), NoEvent::Empty("id"));
        assert_eq!(
            other("2024-", "24-"),
            NoEvent::Time("24-02-02T20:55:23.004Z".to_owned())
        );
    }
}
