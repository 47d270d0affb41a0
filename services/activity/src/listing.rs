//! Listings: one page after the other, each asked for by itself.

use std::sync::Arc;

use crate::cursor::{Cursor, Reset};
use crate::error::Error;
use crate::event::Event;
use crate::selection::Selection;
use crate::store::{Direction, Store, Window};

/// So many pages of the store are read for one of a listing; more would keep other readers
/// waiting where few events are selected.
const STORE_PAGES: usize = 16;
/// A page of a listing ends behind the page of the store with which it has so many bytes.
const PAGE_BYTES: usize = 1024 * 1024;

/// Asks for a page.
#[derive(Debug, Clone)]
pub struct Request {
    /// Which events.
    pub selection: Selection,
    /// Where to begin; `None`: at the end that comes first.
    pub cursor: Option<Cursor>,
    /// Which way.
    pub direction: Direction,
    /// The most events of the page; 1 at least.
    pub limit_events: usize,
}

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub struct Listing {
    /// The events, in the order asked for.
    pub events: Vec<Event>,
    /// Where the next page begins; `None`: there is none.
    pub next: Option<Cursor>,
    /// The end of the store when the page was read.
    pub end: Cursor,
    /// The cursor could not be used, and the page begins as if there was none; or events behind it
    /// were removed.
    pub reset: Option<Reset>,
}

/// Reads a page.
///
/// # Errors
/// The store cannot be read.
pub async fn list(store: &Store, request: Request) -> Result<Listing, Error> {
    let (id, end) = (store.id(), store.last_position());
    let begin = request.cursor.map(|cursor| cursor.in_store(id, end));
    let selection = Arc::new(request.selection);
    let first = Window {
        limit_events: request.limit_events,
        ..window(request.direction, begin, end)
    };
    let (events, rest) = read(store, &selection, first).await?;
    let at = |position| Cursor {
        store: id,
        position,
    };
    let reset = match begin {
        Some(Ok(cursor)) if request.direction == Direction::Forwards => {
            let next = rest.map_or(end, |window| window.begin());
            let left_from = events.first().map_or(next + 1, |event| event.position);
            let removed_to = store.removed_behind(&selection, cursor.position).await?;
            removed_to.map(|removed_to| Reset::of_removed(cursor, removed_to, left_from))
        }
        Some(Ok(_)) | None => None,
        Some(Err(reset)) => Some(reset),
    };
    Ok(Listing {
        events,
        next: rest.map(|window| at(window.begin())),
        end: at(end),
        reset,
    })
}

/// The events of a page, and what is left of the window.
async fn read(
    store: &Store,
    selection: &Arc<Selection>,
    first: Window,
) -> Result<(Vec<Event>, Option<Window>), Error> {
    let (mut events, mut rest) = (Vec::new(), Some(first));
    for _ in 0..STORE_PAGES {
        let Some(window) = rest else { break };
        let limit_events = first.limit_events - events.len();
        if limit_events == 0 || bytes(&events) >= PAGE_BYTES {
            break;
        }
        let window = Window {
            limit_events,
            ..window
        };
        let page = store.page(selection, window).await?;
        events.extend(page.events);
        rest = page.next.map(|next| window.from(next));
    }
    Ok((events, rest))
}

fn window(direction: Direction, begin: Option<Result<Cursor, Reset>>, end: i64) -> Window {
    let all = Window {
        direction,
        ..Window::forwards(0, end)
    };
    match begin {
        Some(Ok(cursor)) => all.from(cursor.position),
        _ => all,
    }
}

fn bytes(events: &[Event]) -> usize {
    events.iter().map(Event::bytes).sum()
}
