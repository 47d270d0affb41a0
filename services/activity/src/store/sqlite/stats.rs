//! How much there is.

use std::path::Path;

use muster_kit::store::size_bytes;
use rusqlite::Connection;

use super::reader;
use crate::store::Stats;

pub(super) fn read(connection: &Connection, path: &Path) -> rusqlite::Result<Stats> {
    let count = |query| connection.query_row(query, [], |row| row.get::<_, i64>(0));
    let first_position = count("SELECT coalesce(min(position), 0) FROM events")?;
    let last_position = reader::last_position(connection)?;
    let removed = count("SELECT value FROM state WHERE name = 'removed_events'")?;
    Ok(Stats {
        // Every position has had its event: counting them would take seconds.
        events: last_position - removed,
        topics: count("SELECT count(*) FROM topics")?,
        first_position,
        last_position,
        size_bytes: size_bytes(path),
    })
}
