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
    /// The cursor could not be used: the page begins as if there was none.
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
    let mut events = Vec::new();
    let mut rest = Some(window(request.direction, begin, end));
    for _ in 0..STORE_PAGES {
        let Some(window) = rest else { break };
        let limit_events = request.limit_events - events.len();
        if limit_events == 0 || bytes(&events) >= PAGE_BYTES {
            break;
        }
        let window = Window {
            limit_events,
            ..window
        };
        let page = store.page(&selection, window).await?;
        events.extend(page.events);
        rest = page.next.map(|next| window.from(next));
    }
    let at = |position| Cursor {
        store: id,
        position,
    };
    Ok(Listing {
        events,
        next: rest.map(|window| at(window.begin())),
        end: at(end),
        reset: begin.and_then(Result::err),
    })
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
