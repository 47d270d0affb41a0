//! Events: what they are made of, and when two are the same.

use crate::deployment;
use crate::error::Error;

/// The longest message in bytes.
pub const MESSAGE_LIMIT_BYTES: usize = 65_536;

/// An event on its way into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Where it belongs.
    pub topic: String,
    /// Identifies it within its topic. `None`: the store gives the next decimal number.
    pub id: Option<String>,
    /// What happened.
    pub message: String,
    /// When it was sent, in nanoseconds since the Unix epoch, as the sender says.
    pub send_ns: i64,
    /// When it was received here, in nanoseconds since the Unix epoch.
    pub receive_ns: i64,
}

impl NewEvent {
    /// An event of the compatibility API; id 0 lets the store give one.
    ///
    /// # Errors
    /// [`Error::TooLong`] when the message has more than [`MESSAGE_LIMIT_BYTES`].
    pub fn of_deployment(
        deployment: i32,
        id: i32,
        message: String,
        send_ns: i64,
        receive_ns: i64,
    ) -> Result<NewEvent, Error> {
        if message.len() > MESSAGE_LIMIT_BYTES {
            return Err(Error::TooLong {
                bytes: message.len(),
            });
        }
        Ok(NewEvent {
            topic: deployment::topic(deployment),
            id: (id != 0).then(|| id.to_string()),
            message,
            send_ns,
            receive_ns,
        })
    }

    /// The event as it is stored, at its place and under its final id.
    pub fn stored(self, position: i64, id: String) -> Event {
        let NewEvent {
            topic,
            message,
            send_ns,
            receive_ns,
            ..
        } = self;
        Event {
            position,
            topic,
            id,
            message,
            send_ns,
            receive_ns,
        }
    }
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
    /// What happened.
    pub message: String,
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
        assert!(matches!(refused, Error::TooLong { bytes: 65_537 }));
    }

    #[test]
    fn times_do_not_make_another_event_of_it() {
        let again = NewEvent::of_deployment(3, 7, "built".into(), 9, 10).unwrap();
        assert!(event(1, 2).says_the_same_as(&again));
        let other = NewEvent {
            message: "broken".into(),
            ..again
        };
        assert!(!event(1, 2).says_the_same_as(&other));
    }
}
