//! What the gateway tells.

use muster_kit::trace::TraceContext;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{BadRequest, Frame, UserId};
use crate::hub::Event;

/// Why what lay between is not to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Events behind the cursor were trimmed.
    Trimmed,
    /// The cursor is of another store.
    OtherStore,
    /// The cursor is behind the end of the store, which is an older copy.
    BehindEnd,
}

/// As much of an envelope (CloudEvents 1.0) as is needed here.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(rename = "specversion")]
    _version: &'a str,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// An event of a user's topic as the contract has it: the data of its envelope as it is, with the
/// event's id and the cursor.
pub fn message(event: &Event) -> Frame {
    let tail = format!(
        "\"id\":{},\"cursor\":{}",
        json(&*event.id),
        json(&*event.cursor)
    );
    let envelope: Option<Envelope> = serde_json::from_str(&event.message).ok();
    let data = envelope.map(|envelope| envelope.data.get());
    let inside = data.and_then(|data| data.strip_prefix('{')?.strip_suffix('}'));
    Frame::text(&match (inside, data) {
        (Some(inside), _) if inside.trim().is_empty() => format!("{{{tail}}}"),
        (Some(inside), _) => format!("{{{inside},{tail}}}"),
        (None, Some(data)) => format!("{{\"data\":{data},{tail}}}"),
        // Appended by somebody who knows nothing of envelopes.
        (None, None) => format!("{{\"message\":{},{tail}}}", json(&*event.message)),
    })
}

/// The trace that an event was brought about in, if it is an envelope that says so.
pub fn trace(event: &Event) -> Option<TraceContext> {
    /// The extension of CloudEvents for distributed tracing.
    #[derive(Deserialize)]
    struct Traced<'a> {
        traceparent: &'a str,
        tracestate: Option<&'a str>,
    }
    let traced: Traced<'_> = serde_json::from_str(&event.message).ok()?;
    TraceContext::parse(traced.traceparent, traced.tracestate)
}

/// An event with all that the store tells of it.
pub fn event(event: &Event) -> Frame {
    #[derive(Serialize)]
    struct Told<'a> {
        r#type: &'static str,
        topic: &'a str,
        id: &'a str,
        kind: &'a str,
        message: &'a str,
        attributes: &'a std::collections::BTreeMap<String, String>,
        received_at: &'a str,
        cursor: &'a str,
    }
    Frame::text(&json(&Told {
        r#type: "event",
        topic: &event.topic,
        id: &event.id,
        kind: &event.kind,
        message: &event.message,
        attributes: &event.attributes,
        received_at: &event.received_at,
        cursor: &event.cursor,
    }))
}

/// A subscription has been told all that was there, and is live. The label names it.
pub fn live(cursor: &str, label: &str) -> Frame {
    Frame::text(&format!(
        "{{\"type\":\"live\",{label},\"cursor\":{}}}",
        json(&cursor)
    ))
}

/// What lay between is not to be had; the cursor is where the subscription goes on.
pub fn reset(reason: Reason, cursor: &str, label: &str) -> Frame {
    Frame::text(&format!(
        "{{\"type\":\"reset\",\"reason\":{},{label},\"cursor\":{}}}",
        json(&reason),
        json(&cursor)
    ))
}

/// Who is online.
pub fn presence(users: &[(UserId, bool)]) -> Frame {
    #[derive(Serialize)]
    struct State {
        user: String,
        online: bool,
    }
    let state = |(user, online): &(UserId, bool)| State {
        user: user.to_string(),
        online: *online,
    };
    let users: Vec<State> = users.iter().map(state).collect();
    Frame::text(&format!(
        "{{\"type\":\"presence\",\"users\":{}}}",
        json(&users)
    ))
}

/// The answer to a ping.
pub fn pong() -> Frame {
    Frame::text(r#"{"type":"pong"}"#)
}

/// A request that was not done.
pub fn error(bad: &BadRequest) -> Frame {
    #[derive(Serialize)]
    struct Told<'a> {
        r#type: &'static str,
        error: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        field: Option<&'static str>,
    }
    Frame::text(&json(&Told {
        r#type: "error",
        error: &bad.why,
        field: bad.field,
    }))
}

fn json(value: &(impl Serialize + ?Sized)) -> String {
    // Texts, numbers and maps of texts always can be written.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(frame: &Frame) -> Value {
        serde_json::from_slice(frame.payload()).unwrap()
    }

    fn told(message_text: &str) -> Value {
        of(&message(&Event {
            id: "e\"1".into(),
            cursor: "c-7".into(),
            message: message_text.into(),
            ..Event::default()
        }))
    }

    #[test]
    fn a_message_is_the_data_of_the_envelope_with_id_and_cursor() {
        let envelope =
            r#"{"specversion":"1.0","id":"e1","data":{"message":"done","task":{"id":1}}}"#;
        let expected = json!({"message": "done", "task": {"id": 1}, "id": "e\"1", "cursor": "c-7"});
        assert_eq!(told(envelope), expected);
    }

    #[test]
    fn what_is_no_object_and_what_is_no_envelope_is_told_as_well() {
        let own = json!({"id": "e\"1", "cursor": "c-7"});
        assert_eq!(told(r#"{"specversion":"1.0","data":{ }}"#), own);
        assert_eq!(
            told(r#"{"specversion":"1.0","data":[1]}"#)["data"],
            json!([1])
        );
        for text in ["hello", r#"{"a":1}"#, "\"", ""] {
            assert_eq!(told(text)["message"], text);
        }
    }

    #[test]
    fn what_the_data_calls_a_cursor_is_not_taken_for_ours() {
        let data = told(r#"{"specversion":"1.0","data":{"cursor":"theirs"}}"#);
        assert_eq!(data["cursor"], "c-7");
    }

    #[test]
    fn marks_name_their_subscription() {
        let label = r#""user_id":1"#;
        let expected = json!({"type": "live", "user_id": 1, "cursor": "c"});
        assert_eq!(of(&live("c", label)), expected);
        let expected =
            json!({"type": "reset", "reason": "other_store", "user_id": 1, "cursor": "c"});
        assert_eq!(of(&reset(Reason::OtherStore, "c", label)), expected);
    }

    #[test]
    fn an_error_names_the_field_if_it_is_one() {
        let expected = json!({"type": "error", "error": "no", "field": "users"});
        assert_eq!(of(&error(&BadRequest::field("users", "no"))), expected);
        let whole = of(&error(&BadRequest::message("no")));
        assert_eq!(whole, json!({"type": "error", "error": "no"}));
    }

    #[test]
    fn presence_names_users_by_their_decimal_form() {
        let users = ["1", "2"].map(|user| user.parse::<UserId>().unwrap());
        let frame = of(&presence(&[(users[0], true), (users[1], false)]));
        let expected = json!([{"user": "1", "online": true}, {"user": "2", "online": false}]);
        assert_eq!(frame["users"], expected);
    }
}
