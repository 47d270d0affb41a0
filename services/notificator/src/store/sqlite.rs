//! The SQLite engine.

use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use muster_kit::Shutdown;
use muster_kit::clock::now_ns;
use muster_kit::health::Need;
use muster_kit::metrics::{Observed, observe};
use muster_kit::store::{self, sqlite};
use muster_kit::trace::TraceContext;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::group::{Write, write_groups};
use super::{Attempt, Backlog, Due};
use crate::error::Error;
use crate::mail::{NewMail, Report, State, Waiting};

/// Each is one step from the schema before; none is ever changed once it was released.
const MIGRATIONS: &sqlite::Migrations = &[
    ("mails", include_str!("1-mails.sql")),
    ("mail trace", include_str!("2-mail-trace.sql")),
];

/// Writes that wait for the writer; beyond, callers wait for a place.
const QUEUE: usize = 1024;

/// An open SQLite store.
#[derive(Debug)]
pub struct Sqlite {
    database: Arc<Database>,
    /// The way to the writer; `None` once the store is closed.
    writes: Mutex<Option<mpsc::Sender<Write>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    _observed: Observed,
}

/// What the writer needs of it.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) sqlite: sqlite::Sqlite,
    pub(super) clock: Clock,
    pub(super) waiting: AtomicUsize,
    pub(super) most_waiting: usize,
}

/// The clock by which mails are due: it starts when the store is opened, and never jumps.
#[derive(Debug)]
pub(super) struct Clock(Instant);

impl Clock {
    /// The time after `delay`, in nanoseconds; never 0.
    pub(super) fn after_ns(&self, delay: Duration) -> i64 {
        let time = self.0.elapsed().saturating_add(delay);
        i64::try_from(time.as_nanos()).unwrap_or(i64::MAX).max(1)
    }
}

type WaitingRow = (
    i64,
    String,
    String,
    String,
    String,
    u32,
    i64,
    Option<String>,
    Option<String>,
);
type ReportRow = (String, u8, u32, String, i64, i64);

impl Sqlite {
    pub(super) async fn open(path: &Path, most_waiting: usize, need: Need) -> Result<Self, Error> {
        let sqlite = sqlite::Sqlite::open(path, MIGRATIONS, need).await?;
        let waiting = AtomicUsize::new(make_all_due(&sqlite).await?);
        let database = Arc::new(Database {
            sqlite,
            clock: Clock(Instant::now()),
            waiting,
            most_waiting,
        });
        let (writes, receiver) = mpsc::channel(QUEUE);
        let observed = observe({
            let (store, writes) = (store::name(path), writes.downgrade());
            move || {
                let free = writes.upgrade().map_or(QUEUE, |writes| writes.capacity());
                store::tell_waiting(&store, QUEUE.saturating_sub(free), QUEUE);
            }
        });
        let writer = tokio::spawn(write_until_closed(database.clone(), receiver));
        Ok(Self {
            database,
            writes: Mutex::new(Some(writes)),
            writer: Mutex::new(Some(writer)),
            _observed: observed,
        })
    }

    pub(super) async fn add(&self, mail: NewMail) -> Result<(), Error> {
        let trace = TraceContext::current();
        self.write(|reply| Write::Add(mail, trace, reply)).await
    }

    pub(super) async fn settle(&self, number: i64, attempt: Attempt) -> Result<(), Error> {
        self.write(|reply| Write::Settle(number, attempt, reply))
            .await
    }

    async fn write(
        &self,
        write: impl FnOnce(oneshot::Sender<Result<(), Error>>) -> Write,
    ) -> Result<(), Error> {
        let writes = self
            .writes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let (reply, answer) = oneshot::channel();
        let writes = writes.ok_or(Error::Stopping)?;
        writes
            .send(write(reply))
            .await
            .map_err(|_| Error::Stopping)?;
        answer.await.unwrap_or(Err(Error::Stopping))
    }

    pub(super) async fn due(&self, limit: usize, except: &[i64]) -> Result<Due, Error> {
        // One moment for both questions: what becomes due between them would be in no answer.
        let now_ns = self.database.clock.after_ns(Duration::ZERO);
        let rows: Vec<WaitingRow> = sqlx::query_as(
            "SELECT number, id, recipient, subject, content, attempts, created_at_ns, traceparent,
             tracestate FROM mails
             WHERE state = 0 AND due_ns <= ? AND number NOT IN (SELECT value FROM json_each(?))
             ORDER BY due_ns, number LIMIT ?",
        )
        .bind(now_ns)
        .bind(format!("{except:?}"))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(self.database.sqlite.readers())
        .await?;
        let mails = rows.into_iter().map(waiting).collect::<Result<_, _>>()?;
        let next = self.next_due(now_ns).await?;
        Ok(Due { mails, next })
    }

    async fn next_due(&self, now_ns: i64) -> Result<Option<Duration>, Error> {
        let next_ns: Option<i64> =
            sqlx::query_scalar("SELECT min(due_ns) FROM mails WHERE state = 0 AND due_ns > ?")
                .bind(now_ns)
                .fetch_one(self.database.sqlite.readers())
                .await?;
        let wait_ns = |next_ns: i64| u64::try_from(next_ns - now_ns).unwrap_or_default();
        Ok(next_ns.map(|next_ns| Duration::from_nanos(wait_ns(next_ns))))
    }

    pub(super) async fn backlog(&self) -> Result<Backlog, Error> {
        let (new, retried, oldest_ns) = sqlx::query_as(
            "SELECT count(*) FILTER (WHERE attempts = 0), count(*) FILTER (WHERE attempts > 0),
             min(created_at_ns) FROM mails WHERE state = 0",
        )
        .fetch_one(self.database.sqlite.readers())
        .await?;
        Ok(Backlog {
            new,
            retried,
            oldest_ns,
        })
    }

    pub(super) async fn report(&self, id: Uuid) -> Result<Option<Report>, Error> {
        let row: Option<ReportRow> = sqlx::query_as(
            "SELECT recipient, state, attempts, last_error, created_at_ns, due_ns FROM mails
             WHERE id = ?",
        )
        .bind(id.to_string())
        .fetch_optional(self.database.sqlite.readers())
        .await?;
        Ok(row.map(
            |(to, state, attempts, last_error, created_at_ns, due_ns)| Report {
                id,
                to,
                state: self::state(state),
                attempts,
                last_error,
                created_at_ns,
                due_at_ns: self.due_at_ns(due_ns),
            },
        ))
    }

    /// The wall clock's time for one of the store's clock; what is past is now.
    fn due_at_ns(&self, due_ns: i64) -> i64 {
        let wait_ns = due_ns - self.database.clock.after_ns(Duration::ZERO);
        now_ns().saturating_add(wait_ns.max(0))
    }

    pub(super) async fn keep_checked(&self, shutdown: &Shutdown) {
        self.database.sqlite.keep_checked(shutdown).await;
    }

    pub(super) async fn close(&self) {
        drop(
            self.writes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // A panic was told when it happened.
            let _told = writer.await;
        }
        self.database.sqlite.close().await;
    }
}

/// Without its writer the store takes nothing more: what waited for a panic's group is refused.
async fn write_until_closed(database: Arc<Database>, writes: mpsc::Receiver<Write>) {
    let writing = AssertUnwindSafe(write_groups(database.clone(), writes));
    if writing.catch_unwind().await.is_err() {
        database.sqlite.lost_for_good("its writer panicked");
    }
}

/// Nobody delivers the mails of a store that is just being opened, and whatever kept them back may
/// be over. Returns how many wait.
async fn make_all_due(sqlite: &sqlite::Sqlite) -> Result<usize, Error> {
    sqlx::query("UPDATE mails SET due_ns = 0 WHERE state = 0 AND due_ns > 0")
        .execute(sqlite.writer())
        .await?;
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM mails WHERE state = 0")
        .fetch_one(sqlite.readers())
        .await?;
    Ok(usize::try_from(waiting).unwrap_or_default())
}

fn waiting(row: WaitingRow) -> Result<Waiting, Error> {
    let (number, id, to, subject, content, attempts, created_at_ns, parent, state) = row;
    let id = id.parse().map_err(|_| Error::BadId(id))?;
    Ok(Waiting {
        number,
        id,
        to,
        subject,
        content,
        attempts,
        created_at_ns,
        trace: TraceContext::read(parent.as_deref(), state.as_deref()),
    })
}

fn state(number: u8) -> State {
    match number {
        0 => State::Queued,
        1 => State::Delivered,
        _ => State::Failed,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use muster_kit::health::Health;

    use super::*;

    #[tokio::test]
    async fn mails_that_wait_from_before_there_were_traces_are_still_delivered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notificator.db");
        let insert =
            "INSERT INTO mails (id, digest, recipient, subject, content, created_at_ns, due_ns)
             VALUES ('00000000-0000-0000-0000-000000000000', 'd', 'ann@localhost', '', 'Hello', 7, 9)";
        let left = sqlite::Sqlite::leave_for_test(&path, &MIGRATIONS[..1], insert).await;
        left.unwrap();

        let store = Sqlite::open(&path, 10, Health::default().need("store"))
            .await
            .unwrap();
        let due = store.due(10, &[]).await.unwrap().mails;
        assert_eq!((due.len(), &*due[0].content), (1, "Hello"));
        assert_eq!(due[0].trace, None);
        store.close().await;
    }
}
