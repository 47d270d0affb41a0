//! Reads pages of events, on a few connections that only read.
//!
//! A reader borrows a connection, and a thread, for one page: a client that takes its time holds
//! neither, and no snapshot that would keep the write-ahead log from being emptied.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use muster_kit::metrics::{Observed, observe};
use muster_kit::store;
use rusqlite::{Connection, OpenFlags, Row};
use tokio::sync::Semaphore;

use super::index::fresh::Fresh;
use super::{row, stats};
use crate::error::Error;
use crate::selection::{Selection, Topics};
use crate::store::{Direction, Page, Stats, Window};

mod topic;

/// Pages that are read at the same time, each on its own connection and thread.
const CONNECTIONS: usize = 4;
/// A page looks at no more rows than this, whether they are selected or not.
const PAGE_ROWS: i64 = 512;
/// A page ends once its events have this many bytes.
const PAGE_BYTES: usize = 128 * 1024;
/// Opening may meet the moment in which the write-ahead log is emptied.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Events of all topics: the prefix is compared row by row, so that a page of a prefix that is
/// rare is no longer than others. A cross join is never turned around.
const OF_PREFIX: &str = "
    SELECT e.position, t.name, e.id, e.message, e.send_ns, e.receive_ns, e.kind, e.attributes
    FROM events e CROSS JOIN topics t ON t.topic = e.topic
    WHERE e.position > ?1 AND e.position <= ?2";

/// The connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    fresh: Arc<Fresh>,
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: &Path, fresh: Arc<Fresh>) -> Readers {
        Readers {
            path: path.to_owned(),
            fresh,
            idle: Mutex::new(Vec::new()),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// Tells of their connections whenever metrics are read.
    pub(super) fn observe(&self) -> Observed {
        let (name, places) = (store::name(&self.path), Arc::clone(&self.places));
        observe(move || {
            let busy = CONNECTIONS.saturating_sub(places.available_permits());
            store::tell_connections(&name, "read", busy, CONNECTIONS);
        })
    }

    /// The selected events of the window, as many as fit a page.
    pub(super) async fn page(
        self: &Arc<Self>,
        selection: Arc<Selection>,
        window: Window,
    ) -> Result<Page, Error> {
        let fresh = Arc::clone(&self.fresh);
        self.borrow(move |connection| page(connection, &fresh, &selection, window))
            .await
    }

    /// The highest position of a removed event of the selection's topics.
    pub(super) async fn removed_to(
        self: &Arc<Self>,
        selection: Arc<Selection>,
    ) -> Result<i64, Error> {
        self.borrow(move |connection| removed_to(connection, &selection))
            .await
    }

    /// Tells how much the store holds.
    pub(super) async fn stats(self: &Arc<Self>) -> Result<Stats, Error> {
        let path = self.path.clone();
        self.borrow(move |connection| stats::read(connection, &path))
            .await
    }

    /// Runs a query on a thread of its own once there is a connection for it.
    async fn borrow<T: Send + 'static>(
        self: &Arc<Self>,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let place = Arc::clone(&self.places)
            .acquire_owned()
            .await
            .map_err(|_| Error::Stopping)?;
        let readers = Arc::clone(self);
        let read = move || {
            let answer = readers.read(query);
            drop(place);
            answer
        };
        tokio::task::spawn_blocking(read)
            .await
            .map_err(|_| Error::Stopping)?
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let idle = self.idle().pop();
        let connection = idle.map_or_else(|| open(&self.path), Ok)?;
        let answer = query(&connection)?;
        self.idle().push(connection);
        Ok(answer)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the pages that are being read, and closes all connections.
    pub(super) async fn close(&self) {
        if let Ok(places) = self.places.acquire_many(CONNECTIONS as u32).await {
            places.forget();
        }
        self.places.close();
        self.idle().clear();
    }
}

pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// The highest position in the store, whether its event was removed or not; 0 when there was
/// none.
pub(super) fn last_position(connection: &Connection) -> rusqlite::Result<i64> {
    let last = "SELECT max(coalesce((SELECT max(position) FROM events), 0),
                           coalesce((SELECT max(position) FROM digests), 0))";
    connection.query_row(last, [], |row| row.get(0))
}

/// The highest position of an event that was removed, 0 when none was.
pub(super) fn removed_to_in_all(connection: &Connection) -> rusqlite::Result<i64> {
    let last = "SELECT coalesce(max(position), 0) FROM digests";
    connection.query_row(last, [], |row| row.get(0))
}

/// The highest position of a removed event of the selection's topics, 0 when there is none.
fn removed_to(connection: &Connection, selection: &Selection) -> rusqlite::Result<i64> {
    match &selection.topics {
        Topics::One(name) => {
            let mut select = connection
                .prepare_cached("SELECT coalesce(max(removed_to), 0) FROM topics WHERE name = ?")?;
            select.query_row([name], |row| row.get(0))
        }
        Topics::Prefix(prefix) if prefix.is_empty() => removed_to_in_all(connection),
        Topics::Prefix(prefix) => {
            // No text has a byte 0xff: this is behind all that begin with the prefix.
            let behind = [prefix.as_bytes(), &[0xff]].concat();
            let mut select = connection.prepare_cached(
                "SELECT coalesce(max(removed_to), 0) FROM topics
                 WHERE name >= ? AND name < CAST(? AS TEXT)",
            )?;
            select.query_row((prefix, behind), |row| row.get(0))
        }
    }
}

fn page(
    connection: &Connection,
    fresh: &Fresh,
    selection: &Selection,
    window: Window,
) -> rusqlite::Result<Page> {
    match &selection.topics {
        Topics::One(name) => topic::page(connection, fresh, name, selection, window),
        Topics::Prefix(_) => page_of_all(connection, selection, window),
    }
}

fn page_of_all(
    connection: &Connection,
    selection: &Selection,
    window: Window,
) -> rusqlite::Result<Page> {
    let mut statement = connection.prepare_cached(&query(window.direction))?;
    let mut rows = statement.query((window.after, window.end, PAGE_ROWS))?;
    let mut page = Filling::new(selection, window);
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        looked_at += 1;
        if page.take(row)?.is_break() {
            return Ok(page.unfinished());
        }
    }
    match looked_at < PAGE_ROWS {
        true => Ok(page.last()),
        false => Ok(page.unfinished()),
    }
}

fn query(direction: Direction) -> String {
    let order = match direction {
        Direction::Forwards => "ASC",
        Direction::Backwards => "DESC",
    };
    format!("{OF_PREFIX} ORDER BY e.position {order} LIMIT ?3")
}

/// A page while rows are taken into it.
struct Filling<'s> {
    selection: &'s Selection,
    window: Window,
    page: Page,
    bytes: usize,
}

impl<'s> Filling<'s> {
    fn new(selection: &'s Selection, window: Window) -> Filling<'s> {
        Filling {
            selection,
            window,
            page: Page::default(),
            bytes: 0,
        }
    }

    /// Takes a row's event if it is selected; breaks when the page is full.
    fn take(&mut self, row: &Row<'_>) -> rusqlite::Result<ControlFlow<()>> {
        self.looked_at(row.get(0)?);
        let (topic, kind) = (row.get_ref(1)?.as_str()?, row.get_ref(6)?.as_str()?);
        if self.selection.has(topic, kind, row.get(5)?) {
            let event = row::event(row)?;
            self.bytes += event.bytes();
            self.page.events.push(event);
        }
        let is_full =
            self.bytes >= PAGE_BYTES || self.page.events.len() >= self.window.limit_events;
        Ok(match is_full {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    }

    fn looked_at(&mut self, position: i64) {
        self.page.next = Some(self.window.beyond(position));
    }

    /// There is more.
    fn unfinished(self) -> Page {
        self.page
    }

    /// There is no more.
    fn last(self) -> Page {
        let events = self.page.events;
        Page { events, next: None }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::schema;
    use super::*;

    #[test]
    fn a_page_of_all_begins_at_its_position_without_a_sort() {
        let mut database = Connection::open_in_memory().unwrap();
        schema::migrate(&mut database).unwrap();
        for direction in [Direction::Forwards, Direction::Backwards] {
            let mut plan = database
                .prepare(&format!("EXPLAIN QUERY PLAN {}", query(direction)))
                .unwrap();
            let steps = plan
                .query_map((0, 0, 0), |row| row.get::<_, String>(3))
                .unwrap();
            let plan = steps.map(Result::unwrap).collect::<Vec<_>>().join("; ");
            let range = "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
            assert!(plan.contains(range), "{plan}");
            let is_slow = plan.contains("SCAN") || plan.contains("TEMP B-TREE");
            assert!(!is_slow, "{plan}");
        }
    }
}
