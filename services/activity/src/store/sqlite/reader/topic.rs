//! Pages of one topic, by its postings.

use rusqlite::{Connection, OptionalExtension};

use super::super::index::fresh::Fresh;
use super::super::index::{indexed_to, postings};
use super::{Filling, PAGE_ROWS};
use crate::selection::Selection;
use crate::store::{Direction, Page, Window};

/// Where a topic's events lie this close together (positions for each event), reading all that
/// lies between is cheaper than going to each of them.
const CLOSE: i64 = 4;

/// A topic: its key in the other tables, and its name.
type Topic<'n> = (i64, &'n str);

/// The selected events of the topic in the window, as many as fit a page.
pub(super) fn page(
    connection: &Connection,
    fresh: &Fresh,
    name: &str,
    selection: &Selection,
    window: Window,
) -> rusqlite::Result<Page> {
    loop {
        // All of a page is read as it is at one moment.
        let moment = connection.unchecked_transaction()?;
        let key = "SELECT topic FROM topics WHERE name = ?";
        let mut key = moment.prepare_cached(key)?;
        let Some(key) = key.query_row([name], |row| row.get(0)).optional()? else {
            return Ok(Page::default());
        };
        // `None`: newer postings took some out of memory meanwhile, which this moment lacks.
        if let Some(positions) = positions(&moment, fresh, key, window)? {
            return events(&moment, (key, name), selection, window, &positions);
        }
    }
}

/// Where the topic's first events of the window lie, [`PAGE_ROWS`] of them or all there are, in
/// the window's direction.
fn positions(
    moment: &Connection,
    fresh: &Fresh,
    topic: i64,
    window: Window,
) -> rusqlite::Result<Option<Vec<i64>>> {
    let Window { after, end, .. } = window;
    let indexed_to = indexed_to(moment)?;
    let in_memory = (after.max(indexed_to), end);
    let limit = PAGE_ROWS as usize;
    let newest = fresh.positions(topic, in_memory, window.direction, limit);
    let Some(newest) = newest else {
        return Ok(None);
    };
    let on_disk = (after, end.min(indexed_to));
    let mut positions = match window.direction {
        Direction::Forwards => {
            let mut positions = postings::first(moment, topic, on_disk, limit)?;
            positions.extend(newest);
            positions
        }
        Direction::Backwards => {
            let wanted = limit.saturating_sub(newest.len());
            let mut positions = match wanted {
                0 => Vec::new(),
                _ => postings::last(moment, topic, on_disk, wanted)?,
            };
            positions.extend(newest);
            positions.reverse();
            positions
        }
    };
    positions.truncate(limit);
    Ok(Some(positions))
}

fn events(
    moment: &Connection,
    topic: Topic<'_>,
    selection: &Selection,
    window: Window,
    positions: &[i64],
) -> rusqlite::Result<Page> {
    let (Some(first), Some(last)) = (positions.first(), positions.last()) else {
        return Ok(Page::default());
    };
    let mut page = Filling::new(selection, window);
    let is_full = match (last - first).abs() < CLOSE * positions.len() as i64 {
        true => take_range(moment, topic, (*first, *last), &mut page)?,
        false => take_each(moment, topic, positions, &mut page)?,
    };
    if is_full {
        return Ok(page.unfinished());
    }
    page.looked_at(*last);
    match positions.len() < PAGE_ROWS as usize {
        true => Ok(page.last()),
        false => Ok(page.unfinished()),
    }
}

/// Takes the topic's events between two positions, which are among them; whether the page is
/// full.
fn take_range(
    moment: &Connection,
    (key, name): Topic<'_>,
    (first, last): (i64, i64),
    page: &mut Filling<'_>,
) -> rusqlite::Result<bool> {
    let (from, to, order) = match first <= last {
        true => (first, last, "ASC"),
        false => (last, first, "DESC"),
    };
    let mut select = moment.prepare_cached(&format!(
        "SELECT position, ?1, id, message, send_ns, receive_ns, kind, attributes FROM events
         WHERE position BETWEEN ?2 AND ?3 AND topic = ?4 ORDER BY position {order}"
    ))?;
    let mut rows = select.query((name, from, to, key))?;
    while let Some(row) = rows.next()? {
        if page.take(row)?.is_break() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes the events at these positions; whether the page is full.
fn take_each(
    moment: &Connection,
    (_, name): Topic<'_>,
    positions: &[i64],
    page: &mut Filling<'_>,
) -> rusqlite::Result<bool> {
    let mut select = moment.prepare_cached(
        "SELECT position, ?1, id, message, send_ns, receive_ns, kind, attributes FROM events
         WHERE position = ?2",
    )?;
    for position in positions {
        let mut rows = select.query((name, position))?;
        // One that was trimmed is not there.
        if let Some(row) = rows.next()?
            && page.take(row)?.is_break()
        {
            return Ok(true);
        }
    }
    Ok(false)
}
