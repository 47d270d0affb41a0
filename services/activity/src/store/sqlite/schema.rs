//! The tables, and how an older database becomes one of today.

use rusqlite::{Connection, TransactionBehavior};
use uuid::Uuid;

use crate::error::Error;

/// One entry per version, applied in order; `PRAGMA user_version` counts those that were. An
/// entry that was released never changes: a later one continues from it.
const MIGRATIONS: &[&str] = &[
    // 1: an identity outlives its event and costs no scan, so it has its own table.
    "
    CREATE TABLE meta (
        name TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;

    -- highest_id: the highest of the topic's ids that are decimal int32 numbers.
    CREATE TABLE topics (
        topic INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        highest_id INTEGER
    ) STRICT;

    CREATE TABLE identities (
        topic INTEGER NOT NULL,
        id TEXT NOT NULL,
        position INTEGER NOT NULL,
        PRIMARY KEY (topic, id)
    ) STRICT, WITHOUT ROWID;

    -- The writer gives the positions, without gaps. Times are nanoseconds since the Unix epoch.
    CREATE TABLE events (
        position INTEGER PRIMARY KEY,
        topic INTEGER NOT NULL,
        id TEXT NOT NULL,
        message TEXT NOT NULL,
        send_ns INTEGER NOT NULL,
        receive_ns INTEGER NOT NULL
    ) STRICT;

    -- An index entry ends with the row's position, so this one is (topic, position).
    CREATE INDEX events_by_topic ON events (topic);
    ",
    // 2: what an event may have beside its message. attributes: a JSON object; NULL: none.
    "
    ALTER TABLE events ADD COLUMN kind TEXT NOT NULL DEFAULT '';
    ALTER TABLE events ADD COLUMN attributes TEXT;
    ",
    // 3: an index that is written for many events at once (see index.rs); it is made from the
    // events when the store is opened.
    "
    DROP TABLE identities;
    DROP INDEX events_by_topic;

    -- indexed_to: the last position that is in runs and postings.
    CREATE TABLE state (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    INSERT INTO state (name, value) VALUES ('indexed_to', 0);

    CREATE TABLE identity_runs (
        run INTEGER PRIMARY KEY,
        level INTEGER NOT NULL,
        filter BLOB NOT NULL
    ) STRICT;

    CREATE TABLE identity_blocks (
        block INTEGER PRIMARY KEY,
        entries BLOB NOT NULL
    ) STRICT;

    CREATE TABLE postings (
        topic INTEGER NOT NULL,
        last INTEGER NOT NULL,
        positions BLOB NOT NULL,
        PRIMARY KEY (topic, last)
    ) STRICT, WITHOUT ROWID;
    ",
    // 4: events may be removed.
    "
    -- removed_to: the last position of the topic whose event was removed.
    ALTER TABLE topics ADD COLUMN removed_to INTEGER NOT NULL DEFAULT 0;

    INSERT INTO state (name, value) VALUES ('removed_events', 0);

    -- What the removed events said. topic, identity: of those that were in no run yet.
    CREATE TABLE digests (
        position INTEGER PRIMARY KEY,
        digest BLOB NOT NULL,
        topic INTEGER,
        identity BLOB
    ) STRICT;

    CREATE TABLE retentions (
        prefix TEXT PRIMARY KEY,
        max_age_ns INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    ",
];

/// Brings the database to today's version and returns the store's own id.
///
/// # Errors
/// [`Error::NewerSchema`] when a later version of this program wrote it.
pub(super) fn migrate(connection: &mut Connection) -> Result<Uuid, Error> {
    let version = version(connection)?;
    for (migration, number) in MIGRATIONS.iter().zip(1..).skip(version as usize) {
        apply(connection, migration, number)?;
    }
    store_id(connection)
}

/// The database's version; 0 where it has no tables yet.
///
/// # Errors
/// [`Error::NewerSchema`].
pub(super) fn version(connection: &Connection) -> Result<i64, Error> {
    let version = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let newest = MIGRATIONS.len() as i64;
    match version > newest {
        true => Err(Error::NewerSchema { version, newest }),
        false => Ok(version),
    }
}

/// # Errors
/// [`Error::NewerSchema`] or [`Error::OlderSchema`] when the database is of another version.
pub(super) fn is_of_today(connection: &Connection) -> Result<(), Error> {
    let (version, newest) = (version(connection)?, MIGRATIONS.len() as i64);
    match version < newest {
        true => Err(Error::OlderSchema { version, newest }),
        false => Ok(()),
    }
}

/// All of one step or nothing of it.
fn apply(connection: &mut Connection, migration: &str, number: i64) -> rusqlite::Result<()> {
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    step.execute_batch(migration)?;
    step.pragma_update(None, "user_version", number)?;
    step.commit()
}

/// What tells this store from every other one; cursors carry it.
fn store_id(connection: &Connection) -> Result<Uuid, Error> {
    connection.execute(
        "INSERT INTO meta (name, value) VALUES ('store_id', ?) ON CONFLICT DO NOTHING",
        [Uuid::new_v4().to_string()],
    )?;
    let text: String = connection.query_row(
        "SELECT value FROM meta WHERE name = 'store_id'",
        [],
        |row| row.get(0),
    )?;
    text.parse().map_err(|_| Error::BadStoreId(text))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_store_keeps_its_id() {
        let mut connection = Connection::open_in_memory().unwrap();
        let first = migrate(&mut connection).unwrap();
        assert_eq!(migrate(&mut connection).unwrap(), first);
    }

    #[test]
    fn two_stores_have_two_ids() {
        let id = || migrate(&mut Connection::open_in_memory().unwrap()).unwrap();
        assert_ne!(id(), id());
    }

    #[test]
    fn a_database_of_version_1_keeps_its_events_and_its_id() {
        let mut connection = Connection::open_in_memory().unwrap();
        apply(&mut connection, MIGRATIONS[0], 1).unwrap();
        let id = store_id(&connection).unwrap();
        connection
            .execute_batch(
                "INSERT INTO topics VALUES (1, 'deployment/7', 3);
                 INSERT INTO identities VALUES (1, '3', 1);
                 INSERT INTO events VALUES (1, 1, '3', 'built', 10, 20);",
            )
            .unwrap();
        assert_eq!(migrate(&mut connection).unwrap(), id);
        let row = connection.query_row(
            "SELECT message, kind, attributes FROM events WHERE position = 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        );
        let expected: (String, String, Option<String>) = ("built".into(), String::new(), None);
        assert_eq!(row.unwrap(), expected);
    }

    #[test]
    fn a_newer_database_is_refused_and_left_as_it_is() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        let refused = migrate(&mut connection).unwrap_err();
        assert!(refused.to_string().contains("version 99"), "{refused}");
        let tables: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .unwrap();
        assert_eq!(tables, 0);
    }
}
