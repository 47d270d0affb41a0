//! Cursors: places in the changes of one replica, for those who come back.

use std::fmt;

use crate::origin::Origin;

/// A place between two things of one life of one replica: two changes, or two users of a list. It is told as text
/// that means nothing to others, and that no other replica takes for its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// Which replica, and in which life.
    pub origin: Origin,
    /// What lies in front of the place, counted.
    pub position: u64,
}

impl Cursor {
    /// Reads the text of a cursor; none: it is no cursor of any replica.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '.');
        let mut number = || u64::from_str_radix(parts.next()?, 16).ok();
        let (position, incarnation) = (number()?, number()?);
        let origin = Origin {
            replica: parts.next()?.into(),
            incarnation,
        };
        Some(Self { origin, position })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin {
            replica,
            incarnation,
        } = &self.origin;
        write!(f, "{:x}.{incarnation:x}.{replica}", self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_text() {
        for position in [0, 17, u64::MAX] {
            let origin = Origin {
                replica: "[::1]:9002.x".into(),
                incarnation: u64::MAX,
            };
            let cursor = Cursor { origin, position };
            assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        }
    }

    #[test]
    fn other_text_is_no_cursor() {
        for text in ["", ".", "1.2", "x.2.here", "1..here", "-1.2.here"] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
