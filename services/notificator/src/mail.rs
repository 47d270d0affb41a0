//! A mail, and what identifies it.

use std::time::Duration;

use muster_kit::mail::Address;
use muster_kit::trace::TraceContext;
use uuid::{Uuid, uuid};

/// The most bytes of a mail's text.
pub const CONTENT_BYTES: usize = 1024 * 1024;
/// The most bytes of a subject line.
pub const SUBJECT_BYTES: usize = 255;
/// The most bytes of an idempotency key.
pub const KEY_BYTES: usize = 255;
/// The subject of a mail that was given none.
pub const NEUTRAL_SUBJECT: &str = "A message for you";
/// How long delivery is tried: as long as Postfix does (`maximal_queue_lifetime`).
pub const LIFETIME: Duration = Duration::from_secs(5 * 24 * 3600);
/// Attempts before a mail is given up, however old it is.
pub const LEAST_ATTEMPTS: u32 = 24;

/// The namespaces of ids that are made from keys, and of digests (RFC 9562, version 5).
const KEYS: Uuid = uuid!("8d1f5ba3-6f5c-4f0c-9a53-0d2c55a1e6f7");
const DIGESTS: Uuid = uuid!("51a9cf0e-19e1-4a0e-8a4c-67a2f3c3d2b8");

/// A mail that is to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMail {
    /// What identifies it for good.
    pub id: Uuid,
    /// The recipient.
    pub to: Address,
    /// The subject line, without line breaks.
    pub subject: String,
    /// The text.
    pub content: String,
}

/// Why a mail is refused; the field is the API's to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadMail {
    /// The text is too long.
    #[error("expected at most {CONTENT_BYTES} bytes")]
    LongContent,
    /// The text has a NUL, which no mail may have (RFC 5322, 3.5).
    #[error("expected a text without NUL characters")]
    NulContent,
    /// The subject is too long, or not one line.
    #[error("expected one line of at most {SUBJECT_BYTES} bytes, without control characters")]
    Subject,
    /// The key is empty or too long.
    #[error("required: 1 to {KEY_BYTES} bytes")]
    Key,
}

impl NewMail {
    /// A mail with an id of its own.
    ///
    /// # Errors
    /// The text is too long.
    pub fn new(to: Address, content: String) -> Result<Self, BadMail> {
        Self::with_id(Uuid::new_v4(), to, String::new(), content)
    }

    /// A mail that is identified by its key: the id is made from it, so that the same key gives
    /// the same id at every notificator.
    ///
    /// # Errors
    /// The key is empty or too long, the subject is not one line, or the text is too long.
    pub fn with_key(
        key: &str,
        to: Address,
        subject: String,
        content: String,
    ) -> Result<Self, BadMail> {
        if !(1..=KEY_BYTES).contains(&key.len()) {
            return Err(BadMail::Key);
        }
        let id = Uuid::new_v5(&KEYS, key.as_bytes());
        Self::with_id(id, to, subject, content)
    }

    fn with_id(id: Uuid, to: Address, subject: String, content: String) -> Result<Self, BadMail> {
        if content.len() > CONTENT_BYTES {
            return Err(BadMail::LongContent);
        }
        if content.contains('\0') {
            return Err(BadMail::NulContent);
        }
        if subject.len() > SUBJECT_BYTES || subject.contains(char::is_control) {
            return Err(BadMail::Subject);
        }
        let subject = match subject.trim() {
            "" => NEUTRAL_SUBJECT.to_owned(),
            subject => subject.to_owned(),
        };
        Ok(Self {
            id,
            to,
            subject,
            content,
        })
    }

    /// What remains of the mail's contents when its text is gone: two mails of one key are the
    /// same if their digests are. SHA-1 (UUID version 5) will do: whoever makes two texts of one
    /// digest deceives nobody but themselves.
    pub fn digest(&self) -> Uuid {
        let parts = [&self.to.key(), &self.subject, &self.content];
        let mut bytes = Vec::new();
        for part in parts {
            bytes.extend((part.len() as u64).to_le_bytes());
            bytes.extend(part.as_bytes());
        }
        Uuid::new_v5(&DIGESTS, &bytes)
    }
}

/// Where the delivery of a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Delivery is tried until it succeeds or is refused for good.
    Queued,
    /// Handed to the mail folder or to the SMTP server.
    Delivered,
    /// Refused for good, or tried for too long; not tried again.
    Failed,
}

/// A mail that waits for its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the store.
    pub number: i64,
    /// Its id.
    pub id: Uuid,
    /// The recipient, normalised.
    pub to: String,
    /// The subject line.
    pub subject: String,
    /// The text.
    pub content: String,
    /// How many deliveries were tried.
    pub attempts: u32,
    /// When it was stored, in nanoseconds since the Unix epoch.
    pub created_at_ns: i64,
    /// The trace in which it was handed over.
    pub trace: Option<TraceContext>,
}

/// How a mail stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its id.
    pub id: Uuid,
    /// The recipient, normalised.
    pub to: String,
    /// Where the delivery stands.
    pub state: State,
    /// How many deliveries were tried.
    pub attempts: u32,
    /// Why the last one failed; empty where it did not, or none was tried.
    pub last_error: String,
    /// When it was stored, in nanoseconds since the Unix epoch.
    pub created_at_ns: i64,
    /// When delivery is tried next, in nanoseconds since the Unix epoch.
    pub due_at_ns: i64,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn mail(key: &str, to: &str, subject: &str, content: &str) -> Result<NewMail, BadMail> {
        let to = Address::parse(to, &"localhost".parse().unwrap()).unwrap();
        NewMail::with_key(key, to, subject.to_owned(), content.to_owned())
    }

    #[test]
    fn one_key_is_one_id() {
        let (one, two) = (
            mail("k", "ann", "", "x").unwrap(),
            mail("k", "bob", "", "y").unwrap(),
        );
        assert_eq!(one.id, two.id);
        assert_ne!(one.id, mail("l", "ann", "", "x").unwrap().id);
        assert_ne!(
            NewMail::new(one.to.clone(), String::new()).unwrap().id,
            one.id
        );
    }

    #[test]
    fn a_digest_tells_mails_apart_by_all_that_they_say() {
        let digest = |to, subject, content| mail("k", to, subject, content).unwrap().digest();
        let first = digest("ann", "s", "x");
        assert_eq!(first, digest("Ann", "s", "x"), "it is one mailbox");
        for other in [
            digest("bob", "s", "x"),
            digest("ann", "t", "x"),
            digest("ann", "s", "y"),
        ] {
            assert_ne!(first, other);
        }
        assert_ne!(digest("ann", "ab", "c"), digest("ann", "a", "bc"));
    }

    #[test]
    fn what_is_too_long_or_would_break_a_header_is_refused() {
        assert_eq!(mail("", "ann", "", ""), Err(BadMail::Key));
        assert_eq!(mail(&"k".repeat(256), "ann", "", ""), Err(BadMail::Key));
        assert_eq!(mail("k", "ann", "a\r\nBcc: b", ""), Err(BadMail::Subject));
        assert_eq!(
            mail("k", "ann", &"s".repeat(256), ""),
            Err(BadMail::Subject)
        );
        assert_eq!(
            mail("k", "ann", "", &"c".repeat(CONTENT_BYTES + 1)),
            Err(BadMail::LongContent)
        );
        assert_eq!(mail("k", "ann", "", "a\0b"), Err(BadMail::NulContent));
    }

    #[test]
    fn a_mail_without_a_subject_gets_a_neutral_one() {
        assert_eq!(mail("k", "ann", " ", "").unwrap().subject, NEUTRAL_SUBJECT);
    }
}
