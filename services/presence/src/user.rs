//! Whom presence is about.

use std::fmt;

/// A user, by name. Names are compared byte by byte. Not shared: a million names are kept once, and the counts of what
/// is shared would take as much again as most names do.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct User(Box<str>);

impl User {
    /// The longest name that is taken.
    pub const NAME_BYTES_MAX: usize = 255;

    /// A user of that name.
    ///
    /// # Errors
    /// The name is empty or longer than [`User::NAME_BYTES_MAX`].
    pub fn parse(name: &str) -> Result<Self, BadName> {
        match name.len() {
            0 => Err(BadName::Empty),
            1..=Self::NAME_BYTES_MAX => Ok(Self(name.into())),
            length_bytes => Err(BadName::TooLong { length_bytes }),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a name is no user's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadName {
    /// It is empty.
    #[error("must not be empty")]
    Empty,
    /// It is longer than [`User::NAME_BYTES_MAX`].
    #[error(
        "is {length_bytes} bytes long, at most {} are taken",
        User::NAME_BYTES_MAX
    )]
    TooLong {
        /// How long it is.
        length_bytes: usize,
    },
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_1_to_255_bytes() {
        assert_eq!(User::parse(""), Err(BadName::Empty));
        assert!(User::parse("A").is_ok());
        assert!(User::parse(&"ä".repeat(127)).is_ok());
        assert!(User::parse(&"a".repeat(255)).is_ok());
        let too_long = Err(BadName::TooLong { length_bytes: 256 });
        assert_eq!(User::parse(&"ä".repeat(128)), too_long);
    }

    #[test]
    fn names_differ_in_case_and_white_space() {
        assert_ne!(User::parse("Albert"), User::parse("albert"));
        assert_ne!(User::parse("Albert"), User::parse("Albert "));
    }
}
