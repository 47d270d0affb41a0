//! How long events are kept, by prefix.

use std::time::Duration;

use rusqlite::Connection;

use crate::error::Error;
use crate::retention::{RETENTIONS_LIMIT, Retention};

/// All of them, in the order of their prefixes.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Vec<Retention>> {
    let mut select =
        connection.prepare_cached("SELECT prefix, max_age_ns FROM retentions ORDER BY prefix")?;
    let retentions = select.query_map([], |row| {
        let max_age_ns: i64 = row.get(1)?;
        Ok(Retention {
            prefix: row.get(0)?,
            max_age: Duration::from_nanos(max_age_ns.unsigned_abs()),
        })
    })?;
    retentions.collect()
}

/// Within a transaction: sets one, or removes it, and returns all.
pub(super) fn set(
    connection: &Connection,
    prefix: &str,
    max_age: Option<Duration>,
) -> rusqlite::Result<Result<Vec<Retention>, Error>> {
    let mut all = read(connection)?;
    all.retain(|retention| retention.prefix != prefix);
    let Some(max_age) = max_age else {
        let mut delete = connection.prepare_cached("DELETE FROM retentions WHERE prefix = ?")?;
        delete.execute([prefix])?;
        return Ok(Ok(all));
    };
    if all.len() >= RETENTIONS_LIMIT {
        let limit = RETENTIONS_LIMIT;
        return Ok(Err(Error::TooManyRetentions { limit }));
    }
    let mut insert = connection
        .prepare_cached("INSERT OR REPLACE INTO retentions (prefix, max_age_ns) VALUES (?, ?)")?;
    insert.execute((prefix, max_age.as_nanos() as i64))?;
    Ok(Ok(read(connection)?))
}
