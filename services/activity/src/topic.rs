//! Topics: the paths that events belong to.

use crate::error::BadField;

/// The longest topic in bytes.
pub const TOPIC_LIMIT_BYTES: usize = 255;

/// A path: segments divided by `/`, none of them empty, without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topic(String);

impl Topic {
    /// The topic of this name.
    ///
    /// # Errors
    /// Names the field `topic` when it is none.
    pub fn parse(name: String) -> Result<Topic, BadField> {
        let bad = |why: &str| Err(BadField::new("topic", why));
        if name.is_empty() {
            return bad("required");
        }
        if name.len() > TOPIC_LIMIT_BYTES {
            return bad("longer than 255 bytes");
        }
        if name.chars().any(char::is_control) {
            return bad("has a control character");
        }
        if name.split('/').any(str::is_empty) {
            return bad("has an empty segment: no slash first, last, or after another");
        }
        Ok(Topic(name))
    }

    /// A topic that is one by the way it is made.
    pub(crate) fn of_segments(name: String) -> Topic {
        Topic(name)
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its name.
    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_a_path_of_segments() {
        let longest = "x".repeat(255);
        for name in ["a", "user/1", "deployment/-7", "Räume/süd 2", &longest] {
            assert_eq!(Topic::parse(name.into()).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_is_no_path_is_refused_by_name() {
        let too_long = "x".repeat(256);
        for name in ["", "/", "/a", "a/", "a//b", "a\nb", "a\0", &too_long] {
            let refused = Topic::parse(name.into()).unwrap_err();
            assert_eq!(refused.field, "topic", "{name:?}");
        }
    }
}
