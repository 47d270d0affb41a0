//! Requests of clients.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value};

use super::MAX_MONITORED_USERS;

/// The longest topic and the longest kind, in bytes, as the activity service has it.
const MAX_NAME_BYTES: usize = 255;

/// A user: the users service's id, 1 at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(i64);

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To be told events, from now on or behind a cursor; an empty one: from the first that is
    /// kept.
    Subscribe {
        /// Which events.
        selection: Selection,
        /// The cursor.
        after: Option<String>,
    },
    /// To be told no more of them.
    Unsubscribe(Selection),
    /// To be told who of these is online, and of nobody else.
    Monitor(Vec<UserId>),
    /// To be answered.
    Ping,
}

/// Which events.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selection {
    /// The messages of a user.
    User(UserId),
    /// The events of a topic.
    Topic {
        /// Its name.
        topic: String,
        /// Those of this kind alone.
        kind: Option<String>,
    },
    /// The events of all topics that begin like this.
    Prefix {
        /// The begin.
        prefix: String,
        /// Those of this kind alone.
        kind: Option<String>,
    },
}

/// A message that is none of the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct BadRequest {
    /// What is wrong with it; `None`: with the whole message.
    pub field: Option<&'static str>,
    /// Why.
    pub why: String,
}

impl BadRequest {
    /// A field that cannot be taken.
    pub fn field(field: &'static str, why: impl Into<String>) -> BadRequest {
        BadRequest {
            field: Some(field),
            why: why.into(),
        }
    }

    /// A message that cannot be taken.
    pub fn message(why: impl Into<String>) -> BadRequest {
        BadRequest {
            field: None,
            why: why.into(),
        }
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for UserId {
    type Err = BadRequest;

    /// The decimal form, and no other.
    fn from_str(text: &str) -> Result<UserId, BadRequest> {
        let id = text
            .parse()
            .ok()
            .filter(|id: &i64| *id >= 1 && id.to_string() == text);
        id.map(UserId)
            .ok_or_else(|| BadRequest::field("user_id", NO_USER))
    }
}

const NO_USER: &str = "expected the number of a user, from 1 up";

impl Selection {
    /// The selection that fields name: exactly one of `user_id`, `topic` and `topic_prefix`, and a
    /// `kind` with the last two.
    ///
    /// # Errors
    /// Names the field that is missing or bad.
    pub fn of<'a>(
        text: impl Fn(&'static str) -> Result<Option<&'a str>, BadRequest>,
        user: Option<UserId>,
    ) -> Result<Selection, BadRequest> {
        let (topic, prefix, kind) = (text("topic")?, text("topic_prefix")?, text("kind")?);
        let kind = kind.filter(|kind| !kind.is_empty());
        if let Some(kind) = kind {
            check_name("kind", kind)?;
        }
        let kind = kind.map(str::to_owned);
        match (user, topic, prefix) {
            (Some(_), None, None) if kind.is_some() => {
                Err(BadRequest::field("kind", "only with topic or topic_prefix"))
            }
            (Some(user), None, None) => Ok(Selection::User(user)),
            (None, Some(topic), None) => {
                check_topic(topic)?;
                let topic = topic.to_owned();
                Ok(Selection::Topic { topic, kind })
            }
            (None, None, Some(prefix)) => {
                check_name("topic_prefix", prefix)?;
                let prefix = prefix.to_owned();
                Ok(Selection::Prefix { prefix, kind })
            }
            (None, None, None) => Err(BadRequest::field(
                "user_id",
                "required, or topic, or topic_prefix",
            )),
            (Some(_), _, _) => Err(BadRequest::field(
                "user_id",
                "only one of user_id, topic and topic_prefix",
            )),
            (None, _, _) => Err(BadRequest::field(
                "topic",
                "only one of user_id, topic and topic_prefix",
            )),
        }
    }

    /// The fields that name it, as the inside of a JSON object.
    pub fn label(&self) -> String {
        let quoted = |text: &String| Value::from(text.as_str()).to_string();
        let with_kind = |label: String, kind: &Option<String>| match kind {
            Some(kind) => format!("{label},\"kind\":{}", quoted(kind)),
            None => label,
        };
        match self {
            Self::User(user) => format!("\"user_id\":{user}"),
            Self::Topic { topic, kind } => with_kind(format!("\"topic\":{}", quoted(topic)), kind),
            Self::Prefix { prefix, kind } => {
                with_kind(format!("\"topic_prefix\":{}", quoted(prefix)), kind)
            }
        }
    }
}

fn check_name(field: &'static str, name: &str) -> Result<(), BadRequest> {
    match name {
        _ if name.len() > MAX_NAME_BYTES => Err(BadRequest::field(field, "longer than 255 bytes")),
        _ if name.chars().any(char::is_control) => {
            Err(BadRequest::field(field, "has a control character"))
        }
        _ => Ok(()),
    }
}

fn check_topic(topic: &str) -> Result<(), BadRequest> {
    if topic.is_empty() {
        return Err(BadRequest::field("topic", "required"));
    }
    if topic.split('/').any(str::is_empty) {
        return Err(BadRequest::field("topic", "has an empty segment"));
    }
    check_name("topic", topic)
}

impl Request {
    /// Reads a message.
    ///
    /// # Errors
    /// It is no JSON object, of no known type, or a field is missing or bad.
    pub fn parse(text: &str) -> Result<Request, BadRequest> {
        let message = serde_json::from_str(text)
            .map_err(|error| BadRequest::message(format!("not a JSON object: {error}")))?;
        let fields = Fields(&message);
        match fields.text("type")? {
            Some("subscribe") => Ok(Request::Subscribe {
                selection: fields.selection()?,
                after: fields.text("after")?.map(str::to_owned),
            }),
            Some("unsubscribe") => Ok(Request::Unsubscribe(fields.selection()?)),
            Some("monitor") => fields.users().map(Request::Monitor),
            Some("ping") => Ok(Request::Ping),
            Some(_) => Err(BadRequest::field(
                "type",
                "expected subscribe, unsubscribe, monitor or ping",
            )),
            None => Err(BadRequest::field("type", "required")),
        }
    }
}

/// The fields of a message.
struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    /// A text that may be missing.
    fn text(&self, name: &'static str) -> Result<Option<&'a str>, BadRequest> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(BadRequest::field(name, "expected a string")),
        }
    }

    fn selection(&self) -> Result<Selection, BadRequest> {
        let user = match self.0.get("user_id") {
            None | Some(Value::Null) => None,
            Some(id) => Some(user("user_id", id)?),
        };
        Selection::of(|name| self.text(name), user)
    }

    /// Users, each once.
    fn users(&self) -> Result<Vec<UserId>, BadRequest> {
        let Some(Value::Array(users)) = self.0.get("users") else {
            return Err(BadRequest::field("users", "expected an array of users"));
        };
        if users.len() > MAX_MONITORED_USERS {
            return Err(BadRequest::field(
                "users",
                format!("more than {MAX_MONITORED_USERS}"),
            ));
        }
        let mut users: Vec<UserId> = users
            .iter()
            .map(|id| user("users", id))
            .collect::<Result<_, _>>()?;
        users.sort_unstable();
        users.dedup();
        Ok(users)
    }
}

/// A user, named by a number or by its decimal form.
fn user(field: &'static str, id: &Value) -> Result<UserId, BadRequest> {
    let id = match id {
        Value::Number(id) => id.as_i64().filter(|id| *id >= 1).map(UserId),
        Value::String(id) => id.parse().ok(),
        _ => None,
    };
    id.ok_or_else(|| BadRequest::field(field, NO_USER))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn user(id: i64) -> Selection {
        Selection::User(UserId(id))
    }

    fn topic(topic: &str, kind: Option<&str>) -> Selection {
        let (topic, kind) = (topic.to_owned(), kind.map(str::to_owned));
        Selection::Topic { topic, kind }
    }

    #[test]
    fn every_request_of_the_protocol_is_read() {
        let subscribe = |selection, after: Option<&str>| Request::Subscribe {
            selection,
            after: after.map(str::to_owned),
        };
        let prefix = Selection::Prefix {
            prefix: "deployment/".into(),
            kind: None,
        };
        for (text, request) in [
            (
                r#"{"type":"subscribe","user_id":1}"#,
                subscribe(user(1), None),
            ),
            (
                r#"{"type":"subscribe","user_id":"7","after":"c"}"#,
                subscribe(user(7), Some("c")),
            ),
            (
                r#"{"type":"subscribe","user_id":1,"after":""}"#,
                subscribe(user(1), Some("")),
            ),
            (
                r#"{"type":"subscribe","topic":"a/b","kind":"x"}"#,
                subscribe(topic("a/b", Some("x")), None),
            ),
            (
                r#"{"type":"subscribe","topic_prefix":"deployment/"}"#,
                subscribe(prefix, None),
            ),
            (
                r#"{"type":"unsubscribe","topic":"a"}"#,
                Request::Unsubscribe(topic("a", None)),
            ),
            (
                r#"{"type":"monitor","users":[2,"1",2]}"#,
                Request::Monitor(vec![UserId(1), UserId(2)]),
            ),
            (r#"{"type":"monitor","users":[]}"#, Request::Monitor(vec![])),
            (r#"{"type":"ping","more":true}"#, Request::Ping),
        ] {
            assert_eq!(Request::parse(text), Ok(request), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let long = "x".repeat(256);
        let many = format!(r#"{{"type":"monitor","users":{:?}}}"#, vec![1; 1_001]);
        for (text, field) in [
            ("", None),
            ("[]", None),
            ("{", None),
            (r#""subscribe""#, None),
            ("{}", Some("type")),
            (r#"{"type":1}"#, Some("type")),
            (r#"{"type":"publish"}"#, Some("type")),
            (r#"{"type":"subscribe"}"#, Some("user_id")),
            (r#"{"type":"subscribe","user_id":0}"#, Some("user_id")),
            (r#"{"type":"subscribe","user_id":-1}"#, Some("user_id")),
            (r#"{"type":"subscribe","user_id":1.5}"#, Some("user_id")),
            (r#"{"type":"subscribe","user_id":"01"}"#, Some("user_id")),
            (r#"{"type":"subscribe","user_id":[1]}"#, Some("user_id")),
            (
                r#"{"type":"subscribe","user_id":1,"topic":"a"}"#,
                Some("user_id"),
            ),
            (
                r#"{"type":"subscribe","user_id":1,"kind":"a"}"#,
                Some("kind"),
            ),
            (
                r#"{"type":"subscribe","topic":"a","topic_prefix":"b"}"#,
                Some("topic"),
            ),
            (r#"{"type":"subscribe","topic":"a//b"}"#, Some("topic")),
            (r#"{"type":"subscribe","topic":""}"#, Some("topic")),
            (r#"{"type":"subscribe","topic":7}"#, Some("topic")),
            (
                r#"{"type":"subscribe","user_id":1,"after":7}"#,
                Some("after"),
            ),
            (
                &format!(r#"{{"type":"subscribe","topic_prefix":"{long}"}}"#),
                Some("topic_prefix"),
            ),
            (r#"{"type":"monitor"}"#, Some("users")),
            (r#"{"type":"monitor","users":[0]}"#, Some("users")),
            (&many, Some("users")),
        ] {
            assert_eq!(Request::parse(text).unwrap_err().field, field, "{text}");
        }
    }

    #[test]
    fn a_label_names_the_subscription_as_the_client_did() {
        assert_eq!(user(1).label(), r#""user_id":1"#);
        assert_eq!(
            topic("a\"b", Some("k")).label(),
            r#""topic":"a\"b","kind":"k""#
        );
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_sends_does_harm(text in ".{0,200}") {
            let _any = Request::parse(&text);
        }

        #[test]
        fn no_object_does_harm(fields in proptest::collection::btree_map(
            "type|user_id|topic|topic_prefix|after|users|kind",
            "subscribe|monitor|[0-9]{1,20}|[a-z/]{0,9}", 0..5,
        )) {
            let _any = Request::parse(&serde_json::to_string(&fields).unwrap());
        }
    }
}
