//! Reads pages of events, on a few connections that only read.
//!
//! A reader borrows a connection, and a thread, for one page: a client that takes its time holds
//! neither, and no snapshot that would keep the write-ahead log from being emptied.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::sync::Semaphore;

use super::{row, stats};
use crate::error::Error;
use crate::selection::{Selection, Topics};
use crate::store::{Direction, Page, Stats, Window};

/// Pages that are read at the same time, each on its own connection and thread.
const CONNECTIONS: usize = 4;
/// A page looks at no more rows than this, whether they are selected or not.
const PAGE_ROWS: i64 = 512;
/// A page ends once its events have this many bytes.
const PAGE_BYTES: usize = 128 * 1024;
/// Opening may meet the moment in which the write-ahead log is emptied.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

const OF_TOPIC: &str = "
    SELECT e.position, ?1, e.id, e.message, e.send_ns, e.receive_ns, e.kind, e.attributes
    FROM events e
    WHERE e.topic = (SELECT topic FROM topics WHERE name = ?1)
        AND e.position > ?2 AND e.position <= ?3";

/// All topics: the prefix is compared row by row, so that a page of a prefix that is rare is no
/// longer than others. A cross join is never turned around. (?1 is bound to nothing.)
const OF_PREFIX: &str = "
    SELECT e.position, t.name, e.id, e.message, e.send_ns, e.receive_ns, e.kind, e.attributes
    FROM events e CROSS JOIN topics t ON t.topic = e.topic
    WHERE e.position > ?2 AND e.position <= ?3";

/// The connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    places: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn new(path: &Path) -> Readers {
        Readers {
            path: path.to_owned(),
            idle: Mutex::new(Vec::new()),
            places: Arc::new(Semaphore::new(CONNECTIONS)),
        }
    }

    /// The selected events of the window, as many as fit a page.
    pub(super) async fn page(
        self: &Arc<Self>,
        selection: Arc<Selection>,
        window: Window,
    ) -> Result<Page, Error> {
        self.borrow(move |connection| page(connection, &selection, window))
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

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// The highest position in the store, 0 when it is empty.
pub(super) fn last_position(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(position), 0) FROM events", [], |row| {
        row.get(0)
    })
}

fn page(connection: &Connection, selection: &Selection, window: Window) -> rusqlite::Result<Page> {
    let name = match &selection.topics {
        Topics::One(name) => name,
        Topics::Prefix(_) => "",
    };
    let mut statement = connection.prepare_cached(&query(&selection.topics, window.direction))?;
    let mut rows = statement.query((name, window.after, window.end, PAGE_ROWS))?;
    let mut page = Page::default();
    let (mut looked_at, mut bytes) = (0, 0);
    while let Some(row) = rows.next()? {
        looked_at += 1;
        page.next = Some(window.beyond(row.get(0)?));
        let (topic, kind) = (row.get_ref(1)?.as_str()?, row.get_ref(6)?.as_str()?);
        if selection.has(topic, kind, row.get(5)?) {
            let event = row::event(row)?;
            bytes += event.bytes();
            page.events.push(event);
        }
        if bytes >= PAGE_BYTES || page.events.len() >= window.limit_events {
            return Ok(page);
        }
    }
    if looked_at < PAGE_ROWS {
        page.next = None;
    }
    Ok(page)
}

fn query(topics: &Topics, direction: Direction) -> String {
    let rows = match topics {
        Topics::One(_) => OF_TOPIC,
        Topics::Prefix(_) => OF_PREFIX,
    };
    let order = match direction {
        Direction::Forwards => "ASC",
        Direction::Backwards => "DESC",
    };
    format!("{rows} ORDER BY e.position {order} LIMIT ?4")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::schema;
    use super::*;

    fn plan(topics: &Topics, direction: Direction) -> String {
        let mut database = Connection::open_in_memory().unwrap();
        schema::migrate(&mut database).unwrap();
        let mut plan = database
            .prepare(&format!("EXPLAIN QUERY PLAN {}", query(topics, direction)))
            .unwrap();
        let steps = plan
            .query_map(("", 0, 0, 0), |row| row.get::<_, String>(3))
            .unwrap();
        steps.map(Result::unwrap).collect::<Vec<_>>().join("; ")
    }

    const DIRECTIONS: [Direction; 2] = [Direction::Forwards, Direction::Backwards];

    #[test]
    fn a_page_of_a_topic_comes_from_its_index_without_a_sort() {
        for direction in DIRECTIONS {
            let plan = plan(&Topics::One(String::new()), direction);
            let range = "events_by_topic (topic=? AND rowid>? AND rowid<?)";
            assert!(plan.contains(range), "{plan}");
            let is_slow = plan.contains("SCAN") || plan.contains("TEMP B-TREE");
            assert!(!is_slow, "{plan}");
        }
    }

    #[test]
    fn a_page_of_all_begins_at_its_position_without_a_sort() {
        for direction in DIRECTIONS {
            let plan = plan(&Topics::Prefix(String::new()), direction);
            let range = "SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)";
            assert!(plan.contains(range), "{plan}");
            let is_slow = plan.contains("SCAN") || plan.contains("TEMP B-TREE");
            assert!(!is_slow, "{plan}");
        }
    }
}
