//! Trims: events are removed, and what identifies them stays.

use std::sync::Arc;

use crate::digest::Digest;
use crate::error::{BadField, Error};
use crate::event::Event;
use crate::selection::{Selection, Topics};
use crate::store::{Store, Window};

/// Asks for a trim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trim {
    selection: Selection,
    up_to_position: Option<i64>,
}

/// An event that is to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// Its place.
    pub position: i64,
    /// Where it belongs.
    pub topic: String,
    /// Identifies it within its topic.
    pub id: String,
    /// What stays of its content.
    pub digest: Digest,
}

impl Removal {
    /// Of this event.
    pub fn of(event: Event) -> Removal {
        Removal {
            position: event.position,
            digest: event.digest(),
            topic: event.topic,
            id: event.id,
        }
    }
}

impl Trim {
    /// Of the events of these topics up to a position, received before a time (in nanoseconds
    /// since the Unix epoch), or both.
    ///
    /// # Errors
    /// Names the field when neither is given, or the position is negative.
    pub fn new(
        topics: Topics,
        up_to_position: Option<i64>,
        received_before_ns: Option<i64>,
    ) -> Result<Trim, BadField> {
        let bad = |why| Err(BadField::new("up_to_position", why));
        if up_to_position.is_none() && received_before_ns.is_none() {
            return bad("required, or received_before");
        }
        if up_to_position.is_some_and(|position| position < 0) {
            return bad("negative");
        }
        let selection = Selection {
            received_before_ns,
            ..Selection::of(topics)
        };
        Ok(Trim {
            selection,
            up_to_position,
        })
    }

    /// Removes them, of those that are there now; how many there were. Returns when all of this
    /// is on disk.
    ///
    /// # Errors
    /// The store cannot be read or written: some may be removed.
    pub async fn run(self, store: &Store) -> Result<u64, Error> {
        let last = store.last_position();
        let end = self.up_to_position.map_or(last, |up_to| up_to.min(last));
        let selection = Arc::new(self.selection);
        let (mut removed, mut rest) = (0, Some(Window::forwards(0, end)));
        while let Some(window) = rest {
            let page = store.page(&selection, window).await?;
            let removals: Vec<Removal> = page.events.into_iter().map(Removal::of).collect();
            if !removals.is_empty() {
                removed += store.remove(removals).await?;
            }
            rest = page.next.map(|next| window.from(next));
        }
        Ok(removed)
    }
}
