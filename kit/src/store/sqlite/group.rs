//! Writes that share a commit: whoever finds nobody waiting writes for all that come until it
//! has the connection. One fsync for a whole group is what makes a durable write cheap.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, SqliteConnection};
use tokio::sync::oneshot;

use super::{Sqlite, WriteError};
use crate::metrics::{Observed, observe};
use crate::store::tell_waiting;

/// Writes that may wait for the connection; as many may be being written.
const MAX_WAITING: usize = 1024;

/// What is written in one transaction with others of its kind.
pub trait Write: Send + Sync + 'static {
    /// What the caller is told.
    type Done: Debug + Send + 'static;

    /// Writes it. What it refuses is a `Done` too: an error undoes the whole group.
    ///
    /// # Errors
    /// The database failed.
    fn write(
        &self,
        connection: &mut SqliteConnection,
    ) -> impl Future<Output = Result<Self::Done, sqlx::Error>> + Send;

    /// It is on disk now, whether or not the caller is still there to be told.
    fn committed(&self, done: &Self::Done);
}

/// The writes of a database; its clones are the same.
#[derive(Debug)]
pub struct Group<W: Write> {
    database: Arc<Sqlite>,
    queue: Arc<Queue<W>>,
    observed: Arc<Observed>,
}

/// Writes that wait to be written together. If there is one, somebody is on the way to take
/// them all.
#[derive(Debug)]
struct Queue<W: Write>(Mutex<Vec<Waiting<W>>>);

#[derive(Debug)]
struct Waiting<W: Write> {
    write: W,
    reply: oneshot::Sender<Result<W::Done, Arc<WriteError>>>,
}

impl<W: Write> Clone for Group<W> {
    fn clone(&self) -> Self {
        Self {
            database: self.database.clone(),
            queue: self.queue.clone(),
            observed: self.observed.clone(),
        }
    }
}

impl<W: Write> Queue<W> {
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether this is the first, and so to be taken care of.
    fn push(&self, waiting: Waiting<W>) -> Result<bool, WriteError> {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() >= MAX_WAITING {
            return Err(WriteError::Busy);
        }
        queue.push(waiting);
        Ok(queue.len() == 1)
    }

    fn take(&self) -> Vec<Waiting<W>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<W: Write> Group<W> {
    /// The writes of `database`, of which none waits yet.
    pub fn new(database: Arc<Sqlite>) -> Self {
        let queue = Arc::new(Queue(Mutex::default()));
        let observed = observe({
            let (store, queue) = (database.name().to_owned(), Arc::downgrade(&queue));
            move || {
                let queue: Option<Arc<Queue<W>>> = queue.upgrade();
                let waiting = queue.map_or(0, |queue| queue.len());
                tell_waiting(&store, waiting, MAX_WAITING);
            }
        });
        Self {
            database,
            queue,
            observed: Arc::new(observed),
        }
    }

    /// Writes it with all others that wait, and returns when it is on disk. Once it is on the
    /// way it is written, though the caller may go away.
    ///
    /// # Errors
    /// Too many wait ([`WriteError::Busy`]), or the database failed: then it did for all that
    /// were written together, and none of them is stored.
    pub async fn write(&self, write: W) -> Result<W::Done, Arc<WriteError>> {
        let (reply, answer) = oneshot::channel();
        if self.queue.push(Waiting { write, reply })? {
            tokio::spawn(self.clone().write_all());
        }
        let gone = |_| WriteError::from(sqlx::Error::WorkerCrashed);
        answer.await.map_err(gone)?
    }

    async fn write_all(self) {
        let connection = self.database.writer().acquire().await;
        let group = self.queue.take();
        let written = match connection {
            Ok(connection) => commit(connection, &group).await,
            Err(error) => Err(error),
        };
        match self.database.written(written) {
            Ok(done) => answer(group, done),
            Err(error) => refuse(group, &Arc::new(error)),
        }
    }
}

async fn commit<W: Write>(
    mut connection: PoolConnection<sqlx::Sqlite>,
    group: &[Waiting<W>],
) -> Result<Vec<W::Done>, sqlx::Error> {
    let connection: &mut SqliteConnection = &mut connection;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let mut done = Vec::with_capacity(group.len());
    for waiting in group {
        done.push(waiting.write.write(&mut transaction).await?);
    }
    transaction.commit().await?;
    Ok(done)
}

/// All of it is on disk now. A caller that went away needs no answer.
fn answer<W: Write>(group: Vec<Waiting<W>>, done: Vec<W::Done>) {
    for (Waiting { write, reply }, done) in group.into_iter().zip(done) {
        write.committed(&done);
        let _gone = reply.send(Ok(done));
    }
}

fn refuse<W: Write>(group: Vec<Waiting<W>>, error: &Arc<WriteError>) {
    for waiting in group {
        let _gone = waiting.reply.send(Err(error.clone()));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Waker};

    use tokio::task::JoinSet;

    use super::*;
    use crate::health::Health;

    const ROWS: (&str, &str) = (
        "rows",
        "CREATE TABLE rows (id INTEGER PRIMARY KEY CHECK (id < 1000000))",
    );

    /// A row, and how many are known to be on disk.
    struct Row(i64, Arc<AtomicUsize>);

    impl Write for Row {
        type Done = i64;

        async fn write(&self, connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
            // Plain: where there is no room for it, SQLite rolls back by itself.
            let insert = sqlx::query("INSERT INTO rows (id) VALUES (?)").bind(self.0);
            insert.execute(connection).await?;
            Ok(self.0)
        }

        fn committed(&self, _: &i64) {
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What became of rows that came at the same time.
    struct Written {
        stored: Vec<i64>,
        busy: usize,
        failed: usize,
    }

    async fn write(group: &Group<Row>, rows: impl Iterator<Item = i64>) -> (Written, usize) {
        let committed = Arc::new(AtomicUsize::new(0));
        let mut writing = JoinSet::new();
        for row in rows {
            let (group, row) = (group.clone(), Row(row, committed.clone()));
            writing.spawn(async move { group.write(row).await });
        }
        let (mut stored, mut busy, mut failed) = (Vec::new(), 0, 0);
        for done in writing.join_all().await {
            match done {
                Ok(row) => stored.push(row),
                Err(error) if matches!(*error, WriteError::Busy) => busy += 1,
                Err(_) => failed += 1,
            }
        }
        let written = Written {
            stored,
            busy,
            failed,
        };
        (written, committed.load(Ordering::Relaxed))
    }

    async fn count(database: &Sqlite) -> usize {
        let count = sqlx::query_scalar("SELECT count(*) FROM rows");
        let count: i64 = count.fetch_one(database.readers()).await.unwrap();
        usize::try_from(count).unwrap()
    }

    async fn open(folder: &tempfile::TempDir) -> Arc<Sqlite> {
        let need = Health::default().need("store");
        let opened = Sqlite::open(&folder.path().join("x.db"), &[ROWS], need).await;
        Arc::new(opened.unwrap())
    }

    #[tokio::test]
    async fn of_more_writes_than_can_wait_some_are_turned_away_and_the_others_stored() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(&folder).await;
        let group = Group::new(database.clone());
        let (written, committed) = write(&group, 0..3000).await;
        assert!(written.busy > 0 && written.failed == 0);
        assert_eq!(written.stored.len() + written.busy, 3000);
        assert_eq!(committed, written.stored.len());
        assert_eq!(count(&database).await, written.stored.len());
    }

    #[tokio::test]
    async fn a_write_that_fails_undoes_those_it_was_written_with() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(&folder).await;
        let group = Group::new(database.clone());
        // On one thread all of them wait before the first is written.
        let (written, committed) = write(&group, [1, 2, 1_000_000, 3].into_iter()).await;
        assert_eq!(
            (written.failed, committed, count(&database).await),
            (4, 0, 0)
        );
        let (written, committed) = write(&group, [1, 2].into_iter()).await;
        assert_eq!((written.stored.len(), committed), (2, 2));
    }

    #[tokio::test]
    async fn after_a_full_disk_writes_go_on_as_soon_as_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(&folder).await;
        let group = Group::new(database.clone());
        // Of the connection, and so gone with it; what is there fits.
        let full = sqlx::query("PRAGMA max_page_count = 1").execute(database.writer());
        full.await.unwrap();
        let (written, _) = write(&group, 0..1000).await;
        assert_eq!(written.failed, 1000);
        let (written, _) = write(&group, 0..1000).await;
        assert_eq!(written.stored.len(), 1000);
    }

    #[tokio::test]
    async fn a_write_whose_caller_went_away_is_stored() {
        let folder = tempfile::tempdir().unwrap();
        let database = open(&folder).await;
        let group = Group::new(database.clone());
        let mut gone = Box::pin(group.write(Row(1, Arc::default())));
        let begun = gone.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(begun.is_pending());
        drop(gone);
        // Written after the first, or with it.
        let (written, _) = write(&group, [2].into_iter()).await;
        assert_eq!((written.stored, count(&database).await), (vec![2], 2));
    }
}
