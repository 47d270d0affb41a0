//! Pages.

use muster_proto::muster::activity::v1 as pb;

use super::{filter, message};
use crate::cursor::Cursor;
use crate::error::BadField;
use crate::listing::{Listing, Request};
use crate::store::Direction;

/// The events of a page where the caller does not say.
const PAGE_EVENTS: usize = 100;
/// The most events of a page.
const PAGE_LIMIT_EVENTS: usize = 1_000;

pub(super) fn request(request: pb::ListRequest) -> Result<Request, BadField> {
    Ok(Request {
        selection: filter::selection(request.filter)?,
        cursor: message::cursor("page_token", &request.page_token)?,
        direction: match request.backwards {
            true => Direction::Backwards,
            false => Direction::Forwards,
        },
        limit_events: page_events(request.page_size)?,
    })
}

fn page_events(page_size: i32) -> Result<usize, BadField> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(PAGE_EVENTS),
        Ok(events) => Ok(events.min(PAGE_LIMIT_EVENTS)),
        Err(_) => Err(BadField::new("page_size", "negative")),
    }
}

pub(super) fn response(listing: Listing) -> pb::ListResponse {
    let next = listing.next.as_ref().map(Cursor::to_string);
    pb::ListResponse {
        events: listing.events.into_iter().map(message::event).collect(),
        next_page_token: next.unwrap_or_default(),
        cursor: listing.end.to_string(),
        reset: listing.reset.map(message::reset),
    }
}
