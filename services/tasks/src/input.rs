//! What callers say, checked once: what is wrong with it is told by the name of its field.

use sha2::{Digest, Sha256};

/// The longest content, in bytes.
pub const MAX_CONTENT_BYTES: usize = 10_000;
/// The longest idempotency key, in bytes.
pub const MAX_KEY_BYTES: usize = 255;

/// An input that cannot be, by the name of its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {why}")]
pub struct Violation {
    /// The field.
    pub field: &'static str,
    /// What was expected.
    pub why: String,
}

impl Violation {
    /// For this field.
    pub fn new(field: &'static str, why: impl Into<String>) -> Violation {
        let why = why.into();
        Violation { field, why }
    }
}

/// What a task says, 1 to [`MAX_CONTENT_BYTES`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content(String);

impl Content {
    /// Checks a content.
    ///
    /// # Errors
    /// It is empty or too long.
    pub fn parse(text: &str) -> Result<Content, Violation> {
        match text.len() {
            0 => Err(Violation::new("content", "must not be empty")),
            1..=MAX_CONTENT_BYTES => Ok(Content(text.to_owned())),
            bytes => {
                let why = format!("expected at most {MAX_CONTENT_BYTES} bytes, these are {bytes}");
                Err(Violation::new("content", why))
            }
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Tells a repeated request from another one that says the same: at most [`MAX_KEY_BYTES`] bytes
/// of printable ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// Checks a key; `field` is how the caller knows it.
    ///
    /// # Errors
    /// It is empty, too long, or has other characters.
    pub fn parse(field: &'static str, text: &str) -> Result<Key, Violation> {
        let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
        match text.len() {
            1..=MAX_KEY_BYTES if text.bytes().all(is_printable) => Ok(Key(text.to_owned())),
            _ => {
                let why = format!("expected 1 to {MAX_KEY_BYTES} bytes of printable ASCII");
                Err(Violation::new(field, why))
            }
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A task to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    user_id: i64,
    content: Content,
    key: Option<Key>,
}

impl NewTask {
    /// Checks a task; any user will do.
    ///
    /// # Errors
    /// The user's id is not from 1 up.
    pub fn new(user_id: i64, content: Content, key: Option<Key>) -> Result<NewTask, Violation> {
        Ok(NewTask {
            user_id: parse_user_id(user_id)?,
            content,
            key,
        })
    }

    /// Whose it is.
    pub fn user_id(&self) -> i64 {
        self.user_id
    }

    /// What is to be done.
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// What makes a repetition of it the same task.
    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// What the request says: two of one key are the same if their digests are.
    pub fn digest(&self) -> [u8; 32] {
        let hash = Sha256::new()
            .chain_update(self.user_id.to_be_bytes())
            .chain_update(&self.content.0);
        hash.finalize().into()
    }
}

/// Checks the id of a user.
///
/// # Errors
/// It is not from 1 up.
pub fn parse_user_id(id: i64) -> Result<i64, Violation> {
    if id < 1 {
        return Err(Violation::new("user_id", "expected a number from 1 up"));
    }
    Ok(id)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn content_is_1_to_10_000_bytes() {
        for fits in ["x", " ", &"é".repeat(5000)] {
            assert_eq!(Content::parse(fits).unwrap().as_str(), fits);
        }
        assert_eq!(
            Content::parse("").unwrap_err().to_string(),
            "content: must not be empty"
        );
        let long = Content::parse(&"é".repeat(5001)).unwrap_err().to_string();
        assert!(long.ends_with("these are 10002"), "{long}");
    }

    #[test]
    fn a_key_is_printable_ascii() {
        for fits in ["a", "8e03978e-40d5", "a b~", &"k".repeat(255)] {
            assert_eq!(Key::parse("key", fits).unwrap().as_str(), fits);
        }
        for bad in ["", "a\n", "é", "\u{7f}", &"k".repeat(256)] {
            let violation = Key::parse("key", bad).unwrap_err();
            assert_eq!(violation.field, "key", "{bad:?}");
        }
    }

    #[test]
    fn users_count_from_1() {
        let new = |user_id| NewTask::new(user_id, Content::parse("x").unwrap(), None);
        assert_eq!(new(i64::MAX).unwrap().user_id(), i64::MAX);
        for bad in [0, -1, i64::MIN] {
            assert_eq!(new(bad).unwrap_err().field, "user_id");
        }
    }

    #[test]
    fn requests_that_differ_have_different_digests() {
        let digest = |user_id, text: &str| {
            let content = Content::parse(text).unwrap();
            NewTask::new(user_id, content, None).unwrap().digest()
        };
        assert_eq!(digest(1, "x"), digest(1, "x"));
        assert_ne!(digest(1, "x"), digest(2, "x"));
        assert_ne!(digest(1, "x"), digest(1, "y"));
    }
}
