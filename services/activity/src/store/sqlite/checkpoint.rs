//! Moves committed pages from the write-ahead log into the database file.
//!
//! SQLite would do it by itself, but keep to itself that it failed: a sync that failed once may
//! succeed when it is tried again, although what it was to write is lost.

use rusqlite::{Connection, Statement};

/// So many pages (of 4 KiB) wait in the log before they are moved.
const MOVE_AFTER_PAGES: i64 = 4_096;
/// A log of so many pages is emptied even if that has to wait for readers: with a reader always
/// under way it would grow without end otherwise.
const EMPTY_AFTER_PAGES: i64 = 16_384;

/// The log as a checkpoint leaves it.
struct Log {
    pages: i64,
    moved_pages: i64,
}

/// Keeps the log short.
pub(super) struct Checkpoints<'c> {
    look: Statement<'c>,
    move_pages: Statement<'c>,
    empty: Statement<'c>,
    empty_after_pages: i64,
}

impl<'c> Checkpoints<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Checkpoints<'c>> {
        Ok(Checkpoints {
            look: connection.prepare("PRAGMA wal_checkpoint(NOOP)")?,
            move_pages: connection.prepare("PRAGMA wal_checkpoint(PASSIVE)")?,
            empty: connection.prepare("PRAGMA wal_checkpoint(RESTART)")?,
            empty_after_pages: EMPTY_AFTER_PAGES,
        })
    }

    /// Does what is due after a commit.
    pub(super) fn run_if_due(&mut self) -> rusqlite::Result<()> {
        let log = run(&mut self.look)?;
        if log.pages - log.moved_pages >= MOVE_AFTER_PAGES {
            run(&mut self.move_pages)?;
        }
        if log.pages >= self.empty_after_pages {
            run(&mut self.empty)?;
            // A reader that stays (a backup) would be waited for after every commit otherwise.
            self.empty_after_pages = log.pages + EMPTY_AFTER_PAGES;
        } else if log.pages < EMPTY_AFTER_PAGES {
            self.empty_after_pages = EMPTY_AFTER_PAGES;
        }
        Ok(())
    }
}

/// Moves all pages and cuts the log to nothing, before the store is closed.
pub(super) fn run_last(connection: &Connection) -> rusqlite::Result<()> {
    run(&mut connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)")?).map(drop)
}

fn run(checkpoint: &mut Statement<'_>) -> rusqlite::Result<Log> {
    checkpoint.query_row([], |row| {
        Ok(Log {
            pages: row.get(1)?,
            moved_pages: row.get(2)?,
        })
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn database(folder: &tempfile::TempDir) -> Connection {
        let connection = Connection::open(folder.path().join("test.db")).unwrap();
        connection.busy_timeout(Duration::from_millis(1)).unwrap();
        connection
            .query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))
            .unwrap();
        connection
            .query_row("PRAGMA wal_autocheckpoint = 0", [], |_| Ok(()))
            .unwrap();
        connection
            .execute_batch("PRAGMA synchronous = OFF; CREATE TABLE t (x)")
            .unwrap();
        connection
    }

    /// Commits about `pages` pages.
    fn write(connection: &Connection, pages: i64) {
        connection
            .execute("INSERT INTO t VALUES (zeroblob(4096 * ?))", [pages])
            .unwrap();
    }

    fn log(connection: &Connection) -> Log {
        run(&mut connection.prepare("PRAGMA wal_checkpoint(NOOP)").unwrap()).unwrap()
    }

    #[test]
    fn pages_wait_until_there_are_many_and_are_moved_then() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder);
        let mut checkpoints = Checkpoints::new(&database).unwrap();
        write(&database, 100);
        checkpoints.run_if_due().unwrap();
        assert_eq!(log(&database).moved_pages, 0);

        write(&database, MOVE_AFTER_PAGES);
        checkpoints.run_if_due().unwrap();
        assert!(log(&database).moved_pages >= MOVE_AFTER_PAGES);
    }

    #[test]
    fn a_reader_that_stays_lets_the_log_grow_and_not_the_writer_wait_each_time() {
        let folder = tempfile::tempdir().unwrap();
        let database = database(&folder);
        let mut checkpoints = Checkpoints::new(&database).unwrap();
        let reader = Connection::open(folder.path().join("test.db")).unwrap();
        reader
            .execute_batch("BEGIN; SELECT count(*) FROM t")
            .unwrap();

        write(&database, EMPTY_AFTER_PAGES);
        checkpoints.run_if_due().unwrap();
        let next_attempt = checkpoints.empty_after_pages;
        assert!(next_attempt >= 2 * EMPTY_AFTER_PAGES);

        reader.execute_batch("COMMIT").unwrap();
        write(&database, EMPTY_AFTER_PAGES);
        checkpoints.run_if_due().unwrap();
        write(&database, 1);
        assert!(log(&database).pages < 100);
    }
}
