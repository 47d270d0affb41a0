//! Events: what they are made of, and when two are the same.

use std::collections::BTreeMap;

use crate::deployment;
use crate::digest::Digest;
use crate::error::BadField;
use crate::topic::Topic;

/// The longest message in bytes.
pub const MESSAGE_LIMIT_BYTES: usize = 65_536;
/// The longest id, kind and name of an attribute in bytes.
pub const NAME_LIMIT_BYTES: usize = 255;
/// The most attributes of an event.
pub const ATTRIBUTES_LIMIT: usize = 64;
/// The names and values of an event's attributes, in bytes.
pub const ATTRIBUTES_LIMIT_BYTES: usize = 16_384;

/// More about an event, by name.
pub type Attributes = BTreeMap<String, String>;

/// An event on its way into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Where it belongs.
    pub topic: Topic,
    /// Identifies it within its topic. `None`: the store gives the next decimal number.
    pub id: Option<String>,
    /// What kind of event it is; may be empty.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// More about it.
    pub attributes: Attributes,
    /// When it was sent, in nanoseconds since the Unix epoch, as the sender says.
    pub send_ns: i64,
    /// When it was received here, in nanoseconds since the Unix epoch.
    pub receive_ns: i64,
}

impl NewEvent {
    /// An event of the compatibility API; id 0 lets the store give one.
    ///
    /// # Errors
    /// Names the message when it has more than [`MESSAGE_LIMIT_BYTES`].
    pub fn of_deployment(
        deployment: i32,
        id: i32,
        message: String,
        send_ns: i64,
        receive_ns: i64,
    ) -> Result<NewEvent, BadField> {
        check_message(&message)?;
        Ok(NewEvent {
            topic: deployment::topic(deployment),
            id: (id != 0).then(|| id.to_string()),
            kind: String::new(),
            message,
            attributes: Attributes::new(),
            send_ns,
            receive_ns,
        })
    }

    /// The same event, if it keeps all limits.
    ///
    /// # Errors
    /// Names the field that does not.
    pub fn checked(self) -> Result<NewEvent, BadField> {
        if let Some(id) = &self.id {
            check_id(&self.topic, id)?;
        }
        check_name("kind", &self.kind)?;
        check_message(&self.message)?;
        check_attributes(&self.attributes)?;
        Ok(self)
    }

    /// What would stay of its content.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.kind, &self.message, &self.attributes)
    }

    /// The event as it is stored, at its place and under its final id.
    pub fn stored(self, position: i64, id: String) -> Event {
        Event {
            position,
            topic: self.topic.into_string(),
            id,
            kind: self.kind,
            message: self.message,
            attributes: self.attributes,
            send_ns: self.send_ns,
            receive_ns: self.receive_ns,
        }
    }
}

/// The deployments of the compatibility API know ids by number alone.
fn check_id(topic: &Topic, id: &str) -> Result<(), BadField> {
    if id.is_empty() {
        return Err(BadField::new("id", "required"));
    }
    let is_deployment = deployment::of_topic(topic.as_str()).is_some();
    if is_deployment && deployment::number(id).is_none() {
        let why = "a deployment takes only decimal int32 numbers, without sign or zeros in front";
        return Err(BadField::new("id", why));
    }
    check_name("id", id)
}

fn check_name(field: &'static str, name: &str) -> Result<(), BadField> {
    if name.len() > NAME_LIMIT_BYTES {
        let why = format!("{} bytes, the limit is {NAME_LIMIT_BYTES}", name.len());
        return Err(BadField::new(field, why));
    }
    if name.chars().any(char::is_control) {
        return Err(BadField::new(field, "has a control character"));
    }
    Ok(())
}

fn check_message(message: &str) -> Result<(), BadField> {
    if message.len() > MESSAGE_LIMIT_BYTES {
        let why = format!(
            "{} bytes, the limit is {MESSAGE_LIMIT_BYTES}",
            message.len()
        );
        return Err(BadField::new("message", why));
    }
    Ok(())
}

fn check_attributes(attributes: &Attributes) -> Result<(), BadField> {
    let bad = |why: String| Err(BadField::new("attributes", why));
    if attributes.len() > ATTRIBUTES_LIMIT {
        let count = attributes.len();
        return bad(format!("{count} entries, the limit is {ATTRIBUTES_LIMIT}"));
    }
    if attributes.contains_key("") {
        return bad("a name is empty".into());
    }
    let bytes = attributes_bytes(attributes);
    if bytes > ATTRIBUTES_LIMIT_BYTES {
        return bad(format!(
            "{bytes} bytes, the limit is {ATTRIBUTES_LIMIT_BYTES}"
        ));
    }
    attributes
        .keys()
        .try_for_each(|name| check_name("attributes", name))
}

/// The bytes of the names and values.
pub fn attributes_bytes(attributes: &Attributes) -> usize {
    attributes
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}

/// An event in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its place in the order of the whole store, from 1.
    pub position: i64,
    /// Where it belongs.
    pub topic: String,
    /// Identifies it within its topic.
    pub id: String,
    /// What kind of event it is; may be empty.
    pub kind: String,
    /// What happened.
    pub message: String,
    /// More about it.
    pub attributes: Attributes,
    /// When it was sent, in nanoseconds since the Unix epoch, as the sender said.
    pub send_ns: i64,
    /// When it was received here, in nanoseconds since the Unix epoch.
    pub receive_ns: i64,
}

impl Event {
    /// Whether `other`, which has the same identity, also says the same. Times do not count: a
    /// sender that repeats itself may stamp each copy anew.
    pub fn says_the_same_as(&self, other: &NewEvent) -> bool {
        self.message == other.message
            && self.kind == other.kind
            && self.attributes == other.attributes
    }

    /// What stays of its content when it is removed.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.kind, &self.message, &self.attributes)
    }

    /// What its texts take.
    pub fn bytes(&self) -> usize {
        let texts = self.topic.len() + self.id.len() + self.kind.len() + self.message.len();
        texts + attributes_bytes(&self.attributes)
    }

    /// Whole milliseconds from send to receive, cut off; 0 when the sender's clock is ahead.
    pub fn execution_time_ms(&self) -> i64 {
        let elapsed_ns = i128::from(self.receive_ns) - i128::from(self.send_ns);
        i64::try_from(elapsed_ns.max(0) / 1_000_000).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn event(send_ns: i64, receive_ns: i64) -> Event {
        NewEvent::of_deployment(3, 7, "built".into(), send_ns, receive_ns)
            .unwrap()
            .stored(1, "7".into())
    }

    fn of_topic(topic: &str, id: &str) -> NewEvent {
        NewEvent {
            topic: Topic::parse(topic.into()).unwrap(),
            id: Some(id.into()),
            ..NewEvent::of_deployment(1, 1, "a".into(), 0, 0).unwrap()
        }
    }

    #[test]
    fn execution_time_is_whole_milliseconds_cut_off() {
        assert_eq!(event(0, 999_999).execution_time_ms(), 0);
        assert_eq!(event(0, 1_999_999).execution_time_ms(), 1);
        assert_eq!(event(5_000_000, 7_000_000).execution_time_ms(), 2);
    }

    #[test]
    fn execution_time_is_never_negative_and_never_overflows() {
        assert_eq!(event(2_000_000, 0).execution_time_ms(), 0);
        assert_eq!(event(i64::MAX, i64::MIN).execution_time_ms(), 0);
        assert_eq!(
            event(i64::MIN, i64::MAX).execution_time_ms(),
            18_446_744_073_709
        );
    }

    #[test]
    fn a_message_may_fill_the_limit_and_not_pass_it() {
        let of_length = |n| NewEvent::of_deployment(1, 1, "x".repeat(n), 0, 0);
        assert!(of_length(MESSAGE_LIMIT_BYTES).is_ok());
        let refused = of_length(MESSAGE_LIMIT_BYTES + 1).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "message: 65537 bytes, the limit is 65536"
        );
    }

    #[test]
    fn a_deployment_takes_numbers_as_ids_and_other_topics_any_name() {
        for id in ["0", "-7", "2147483647"] {
            assert!(of_topic("deployment/1", id).checked().is_ok(), "{id}");
        }
        for id in ["01", "+1", "b4a9", "2147483648", ""] {
            let refused = of_topic("deployment/1", id).checked().unwrap_err();
            assert_eq!(refused.field, "id", "{id}");
            let other = of_topic("deployment/1/x", id).checked();
            assert_eq!(other.is_ok(), !id.is_empty(), "{id}");
        }
    }

    #[test]
    fn every_field_has_its_limit() {
        let good = of_topic("user/1", "b4a9");
        let with = |pairs: Vec<(String, String)>| NewEvent {
            attributes: pairs.into_iter().collect(),
            ..good.clone()
        };
        let many = (0..65).map(|n| (n.to_string(), String::new())).collect();
        let cases = [
            ("id", of_topic("user/1", &"x".repeat(256))),
            ("id", of_topic("user/1", "a\tb")),
            (
                "kind",
                NewEvent {
                    kind: "x".repeat(256),
                    ..good.clone()
                },
            ),
            (
                "message",
                NewEvent {
                    message: "x".repeat(65_537),
                    ..good.clone()
                },
            ),
            ("attributes", with(many)),
            ("attributes", with(vec![(String::new(), "a".into())])),
            ("attributes", with(vec![("a\n".into(), "a".into())])),
            ("attributes", with(vec![("a".into(), "x".repeat(16_384))])),
        ];
        for (field, event) in cases {
            assert_eq!(event.checked().unwrap_err().field, field);
        }
        assert!(
            with(vec![("a".into(), "x\n".repeat(8_000))])
                .checked()
                .is_ok()
        );
    }

    #[test]
    fn kind_message_and_attributes_make_another_event_of_it_and_times_do_not() {
        let again = NewEvent::of_deployment(3, 7, "built".into(), 9, 10).unwrap();
        assert!(event(1, 2).says_the_same_as(&again));
        let attributes = Attributes::from([("a".into(), "1".into())]);
        for other in [
            NewEvent {
                message: "broken".into(),
                ..again.clone()
            },
            NewEvent {
                kind: "build".into(),
                ..again.clone()
            },
            NewEvent {
                attributes,
                ..again.clone()
            },
        ] {
            assert!(!event(1, 2).says_the_same_as(&other), "{other:?}");
        }
    }
}
