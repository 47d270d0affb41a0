//! Cursors: places in the order of one store, for those who come back.

use std::fmt;

use uuid::Uuid;

use crate::error::BadField;

/// The place between a position and the next one. It is told as text that means nothing to
/// others, and that no other store takes for its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The store's id.
    pub store: Uuid,
    /// The position in front of the place, 0 at the beginning.
    pub position: i64,
}

/// Why a cursor cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stale {
    /// It is of another store.
    OtherStore,
    /// It is behind the end of the store, which is an older copy.
    BehindEnd,
    /// Events behind it were removed.
    Removed,
}

/// A cursor is not enough to know what has happened since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// Why.
    pub reason: Stale,
    /// Where reading goes on: where the cursor is, or in front of all events if it is of no place
    /// in this store.
    pub cursor: Cursor,
    /// In front of this position no event is to be had any more.
    pub first_position: i64,
}

impl Cursor {
    /// Reads the text of a cursor; `field` is where it was given.
    ///
    /// # Errors
    /// Names the field when it is no cursor of any store.
    pub fn parse(field: &str, text: &str) -> Result<Cursor, BadField> {
        let parts = text.split_once('-');
        let parsed = parts.and_then(|(store, position)| {
            let position = position.parse().ok().filter(|position| *position >= 0)?;
            let store = Uuid::try_parse(store).ok()?;
            Some(Cursor { store, position })
        });
        parsed
            .filter(|cursor| cursor.to_string() == text)
            .ok_or_else(|| BadField::new(field, "not a cursor"))
    }

    /// The cursor, if it is of this store, which ends at `end`.
    ///
    /// # Errors
    /// What to tell its holder.
    pub fn in_store(self, store: Uuid, end: i64) -> Result<Cursor, Reset> {
        let reason = match self {
            _ if self.store != store => Stale::OtherStore,
            _ if self.position > end => Stale::BehindEnd,
            _ => return Ok(self),
        };
        let cursor = Cursor { store, position: 0 };
        Err(Reset {
            reason,
            cursor,
            first_position: 1,
        })
    }
}

impl Reset {
    /// For the holder of a cursor behind which events were removed, up to a position; up to in
    /// front of `left_from` none is left.
    pub fn of_removed(cursor: Cursor, removed_to: i64, left_from: i64) -> Reset {
        Reset {
            reason: Stale::Removed,
            cursor,
            first_position: left_from.min(removed_to + 1),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.store.simple(), self.position)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CURSOR: Cursor = Cursor {
        store: Uuid::from_u128(7),
        position: 41,
    };

    #[test]
    fn a_cursor_comes_back_from_its_text() {
        assert_eq!(Cursor::parse("c", &CURSOR.to_string()).unwrap(), CURSOR);
    }

    #[test]
    fn what_is_no_cursor_is_refused_by_name() {
        let id = Uuid::from_u128(7);
        for text in [
            "",
            "-",
            "7",
            &format!("{id}-1"),
            &format!("{}-", id.simple()),
            &format!("{}--1", id.simple()),
            &format!("{}-+1", id.simple()),
        ] {
            assert_eq!(Cursor::parse("c", text).unwrap_err().field, "c", "{text}");
        }
    }

    #[test]
    fn a_cursor_holds_in_its_own_store_up_to_its_end() {
        assert_eq!(CURSOR.in_store(CURSOR.store, 41), Ok(CURSOR));
        let reason = |store, end| CURSOR.in_store(store, end).unwrap_err().reason;
        assert_eq!(reason(CURSOR.store, 40), Stale::BehindEnd);
        assert_eq!(reason(Uuid::from_u128(8), 99), Stale::OtherStore);
    }
}
