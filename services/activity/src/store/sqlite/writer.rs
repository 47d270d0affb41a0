//! The one writer: a thread that takes whatever waits in the queue, commits it as one group, and
//! only then answers. While a group is on its way to the disk, the next one gathers.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use muster_kit::health::Need;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::append::Appender;
use super::checkpoint::{self, Checkpoints};
use super::failure::Failure;
use super::queue::{Shared, Write};
use super::{reader, retentions, schema};
use crate::error::Error;

/// The most events in one group; its bytes are bounded by the queue's.
const GROUP_EVENTS: usize = 4_096;
/// How long everyone waits for an administrator's sqlite3 that writes, or for readers when the
/// log is emptied.
const BUSY_TIMEOUT: Duration = Duration::from_millis(250);

/// Opens the database, tells `opened`, and writes until the queue is closed and empty.
pub(super) fn run(
    path: &Path,
    opened: oneshot::Sender<Result<Uuid, Error>>,
    writes: UnboundedReceiver<Write>,
    shared: Shared,
    need: Need,
) {
    let (connection, store_id) = match open(path) {
        Ok(opened) => opened,
        Err(error) => return drop(opened.send(Err(error))),
    };
    match Writer::new(&connection, shared, need) {
        Ok(mut writer) => {
            writer.need.met();
            let _ = opened.send(Ok(store_id));
            writer.write(writes);
        }
        Err(error) => drop(opened.send(Err(error.into()))),
    }
}

fn open(path: &Path) -> Result<(Connection, Uuid), Error> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(Error::NoWriteAheadLog(mode));
    }
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = OFF;
         PRAGMA cache_size = -16384;",
    )?;
    for setting in ["wal_autocheckpoint = 0", "journal_size_limit = 67108864"] {
        connection.query_row(&format!("PRAGMA {setting}"), [], |_| Ok(()))?;
    }
    let store_id = schema::migrate(&mut connection)?;
    Ok((connection, store_id))
}

struct Writer<'c> {
    connection: &'c Connection,
    appender: Appender<'c>,
    checkpoints: Checkpoints<'c>,
    shared: Shared,
    need: Need,
    /// The failure that lasts; the log tells when it comes and when it goes.
    failure: Option<Failure>,
}

impl<'c> Writer<'c> {
    fn new(connection: &'c Connection, shared: Shared, need: Need) -> rusqlite::Result<Writer<'c>> {
        let appender = Appender::new(connection, Arc::clone(&shared.fresh))?;
        shared.last_position.send_replace(appender.last_position());
        shared
            .removed_to
            .store(reader::removed_to_in_all(connection)?, Ordering::SeqCst);
        shared
            .retentions
            .send_replace(retentions::read(connection)?.into());
        let checkpoints = Checkpoints::new(connection)?;
        Ok(Writer {
            connection,
            appender,
            checkpoints,
            shared,
            need,
            failure: None,
        })
    }

    fn write(&mut self, mut writes: UnboundedReceiver<Write>) {
        let mut group = Vec::new();
        while writes.blocking_recv_many(&mut group, GROUP_EVENTS) > 0 {
            let places = group.iter().map(|write| write.places() as usize).sum();
            self.commit(&mut group);
            self.shared.places.add_permits(places);
            self.checkpoint(|writer| writer.checkpoints.run_if_due());
        }
        self.checkpoint(|writer| checkpoint::run_last(writer.connection));
    }

    /// Stores the group and answers each of it.
    fn commit(&mut self, group: &mut Vec<Write>) {
        if self.failure == Some(Failure::Lost) {
            return refuse(group, Failure::Lost);
        }
        let begun = Instant::now();
        let committed = self
            .appender
            .commit(|appender| group.iter_mut().try_for_each(|write| write.run(appender)));
        histogram!("activity_commit_duration_seconds").record(begun.elapsed());
        match committed {
            Ok(()) => {
                self.recovered();
                let last_position = self.appender.last_position();
                self.shared.last_position.send_replace(last_position);
                group.drain(..).for_each(Write::answer);
            }
            Err(error) => {
                counter!("activity_commit_failures_total").increment(1);
                refuse(group, self.failed(&error));
            }
        }
    }

    /// A checkpoint that finds no room may be tried again: the log still has all. One that
    /// failed otherwise ends all writing, because a sync that failed says nothing about the next.
    fn checkpoint(&mut self, run: impl FnOnce(&mut Self) -> rusqlite::Result<()>) {
        if self.failure == Some(Failure::Lost) {
            return;
        }
        if let Err(error) = run(self)
            && Failure::of(&error) == Failure::Lost
        {
            self.failed(&error);
        }
    }

    fn recovered(&mut self) {
        if self.failure.take().is_some() {
            tracing::info!("the store takes events again");
        }
    }

    fn failed(&mut self, error: &rusqlite::Error) -> Failure {
        let failure = Failure::of(error);
        if self.failure != Some(failure) {
            tracing::error!(%error, ?failure, "the store cannot write");
        }
        if failure == Failure::Lost {
            self.give_up(error);
        }
        self.failure = Some(failure);
        failure
    }

    fn give_up(&self, error: &rusqlite::Error) {
        self.need.lost_for_good(error);
        // Closing would write to the database file otherwise.
        let never = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        if let Err(error) = self.connection.set_db_config(never, true) {
            tracing::error!(%error, "closing the store will still write to it");
        }
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.need.lost_for_good("the writer panicked");
        }
        self.shared.places.close();
    }
}

fn refuse(group: &mut Vec<Write>, failure: Failure) {
    for write in group.drain(..) {
        write.refuse(failure.answer());
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::event::NewEvent;
    use crate::store::Appended;
    use muster_kit::health::Health;

    fn append(id: i32) -> (Write, oneshot::Receiver<Result<Appended, Error>>) {
        let (reply, answer) = oneshot::channel();
        let event = NewEvent::of_deployment(1, id, "a".into(), 0, 0).unwrap();
        (Write::one(event, reply), answer)
    }

    fn commit(writer: &mut Writer<'_>, id: i32) -> Result<Appended, Error> {
        let (append, mut answer) = append(id);
        writer.commit(&mut vec![append]);
        answer.try_recv().unwrap()
    }

    #[test]
    fn after_an_error_of_unknown_effect_nothing_is_written_and_the_need_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, _) = open(&folder.path().join("test.db")).unwrap();
        let health = Health::default();
        let mut writer = Writer::new(&connection, Shared::default(), health.need("store")).unwrap();
        writer.need.met();
        assert!(commit(&mut writer, 1).is_ok());

        connection
            .execute_batch(
                "CREATE TEMP TRIGGER broken BEFORE INSERT ON main.events
                 BEGIN SELECT RAISE(ABORT, 'broken disk'); END",
            )
            .unwrap();
        assert!(matches!(commit(&mut writer, 2), Err(Error::Lost)));
        connection.execute_batch("DROP TRIGGER broken").unwrap();
        assert!(matches!(commit(&mut writer, 3), Err(Error::Lost)));

        assert!(
            health
                .obstacles()
                .iter()
                .any(|line| line.contains("broken disk"))
        );
        assert_eq!(reader::last_position(&connection).unwrap(), 1);
    }

    #[test]
    fn a_full_disk_is_told_and_over_when_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let (connection, _) = open(&folder.path().join("test.db")).unwrap();
        let health = Health::default();
        let mut writer = Writer::new(&connection, Shared::default(), health.need("store")).unwrap();
        writer.need.met();
        let set_limit = |pages: i64| {
            connection
                .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
                .unwrap();
        };
        set_limit(1); // no less than there are, so: not one more
        let full = (1..10_000)
            .map(|id| commit(&mut writer, id))
            .find(Result::is_err)
            .unwrap();
        assert!(matches!(full, Err(Error::Full)), "{full:?}");
        set_limit(1_000_000);
        assert!(commit(&mut writer, 10_000).is_ok());
        assert!(!health.obstacles().iter().any(|line| line.contains("store")));
    }

    #[test]
    fn what_waits_is_stored_when_the_queue_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        let answers: Vec<_> = (1..=5_000)
            .map(|id| {
                let (append, answer) = append(id);
                assert!(sender.send(append).is_ok());
                answer
            })
            .collect();
        drop(sender);
        let (opened, mut result) = oneshot::channel();
        let shared = Shared::default();
        run(
            &path,
            opened,
            receiver,
            shared.clone(),
            Health::default().need("store"),
        );
        result.try_recv().unwrap().unwrap();
        assert!(
            answers
                .into_iter()
                .all(|mut answer| answer.try_recv().unwrap().is_ok())
        );
        assert_eq!(*shared.last_position.borrow(), 5_000);
        assert!(shared.places.is_closed());
        assert!(!path.with_extension("db-wal").exists());
    }
}
