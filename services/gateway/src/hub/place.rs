//! Places in the order of a store.

use std::sync::Arc;

/// What a cursor tells: a store, and the position in front of the place, 0 at the beginning.
///
/// Its text is that of the activity service's cursors (`<id of the store>-<position>`), so that a
/// client may use a cursor here and there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The store's id, as cursors spell it.
    pub store: Arc<str>,
    /// The position of the last event in front of the place.
    pub position: i64,
}

impl Place {
    /// Reads a cursor; `None` if it is none.
    pub fn parse(cursor: &str) -> Option<Place> {
        let (store, position) = cursor.rsplit_once('-')?;
        let is_id = store.len() == 32 && store.bytes().all(|byte| byte.is_ascii_hexdigit());
        let position = position.parse().ok().filter(|position| *position >= 0)?;
        is_id.then(|| Place {
            store: store.into(),
            position,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.store, self.position)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let text = "00000000000000000000000000000007-41";
        let place = Place::parse(text).unwrap();
        assert_eq!((place.position, place.to_string().as_str()), (41, text));
    }

    #[test]
    fn what_is_no_cursor_is_no_place() {
        let id = "00000000000000000000000000000007";
        for text in ["", "-", "7-1", id, &format!("{id}-"), &format!("{id}--1")] {
            assert_eq!(Place::parse(text), None, "{text}");
        }
    }
}
