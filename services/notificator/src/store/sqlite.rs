//! The SQLite engine.

use std::path::Path;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::sqlite;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::Attempt;
use super::group::{Write, write_groups};
use crate::delivery::LONGEST_RETRY;
use crate::error::Error;
use crate::mail::{NewMail, Report, State, Waiting};

/// Each is one step from the schema before; none is ever changed once it was released.
const MIGRATIONS: &sqlite::Migrations = &[("mails", include_str!("1-mails.sql"))];

/// Writes that wait for the writer; beyond, callers wait for a place.
const QUEUE: usize = 1024;

/// An open SQLite store.
#[derive(Debug)]
pub struct Sqlite {
    database: Arc<Database>,
    /// The way to the writer; `None` once the store is closed.
    writes: Mutex<Option<mpsc::Sender<Write>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer needs of it.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) sqlite: sqlite::Sqlite,
    pub(super) waiting: AtomicUsize,
    pub(super) most_waiting: usize,
}

type WaitingRow = (i64, String, String, String, String, u32, i64);
type ReportRow = (String, u8, u32, String, i64, i64);

impl Sqlite {
    pub(super) async fn open(path: &Path, most_waiting: usize, need: Need) -> Result<Self, Error> {
        let sqlite = sqlite::Sqlite::open(path, MIGRATIONS, need).await?;
        let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM mails WHERE state = 0")
            .fetch_one(sqlite.readers())
            .await?;
        let waiting = AtomicUsize::new(usize::try_from(waiting).unwrap_or_default());
        let database = Arc::new(Database {
            sqlite,
            waiting,
            most_waiting,
        });
        let (writes, receiver) = mpsc::channel(QUEUE);
        let writer = tokio::spawn(write_groups(database.clone(), receiver));
        Ok(Self {
            database,
            writes: Mutex::new(Some(writes)),
            writer: Mutex::new(Some(writer)),
        })
    }

    pub(super) async fn add(&self, mail: NewMail) -> Result<(), Error> {
        self.write(|reply| Write::Add(mail, reply)).await
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

    /// What is due later than the longest delay was put off before the clock stepped back.
    pub(super) async fn due(&self, limit: usize) -> Result<Vec<Waiting>, Error> {
        let rows: Vec<WaitingRow> = sqlx::query_as(
            "SELECT number, id, recipient, subject, content, attempts, created_at_ns FROM mails
             WHERE state = 0 AND (due_at_ns <= ? OR due_at_ns > ?)
             ORDER BY due_at_ns, number LIMIT ?",
        )
        .bind(now_ns())
        .bind(after_ns(LONGEST_RETRY))
        .bind(i64::try_from(limit).unwrap_or(i64::MAX))
        .fetch_all(self.database.sqlite.readers())
        .await?;
        rows.into_iter().map(waiting).collect()
    }

    pub(super) async fn next_due(&self) -> Result<Option<Duration>, Error> {
        let now_ns = now_ns();
        let due_at_ns: Option<i64> = sqlx::query_scalar(
            "SELECT min(due_at_ns) FROM mails WHERE state = 0 AND due_at_ns > ?",
        )
        .bind(now_ns)
        .fetch_one(self.database.sqlite.readers())
        .await?;
        let wait_ns = |due: i64| u64::try_from(due - now_ns).unwrap_or_default();
        Ok(due_at_ns.map(|due| Duration::from_nanos(wait_ns(due)).min(LONGEST_RETRY)))
    }

    pub(super) async fn report(&self, id: Uuid) -> Result<Option<Report>, Error> {
        let row: Option<ReportRow> = sqlx::query_as(
            "SELECT recipient, state, attempts, last_error, created_at_ns, due_at_ns FROM mails
             WHERE id = ?",
        )
        .bind(id.to_string())
        .fetch_optional(self.database.sqlite.readers())
        .await?;
        Ok(row.map(
            |(to, state, attempts, last_error, created_at_ns, due_at_ns)| Report {
                id,
                to,
                state: self::state(state),
                attempts,
                last_error,
                created_at_ns,
                due_at_ns,
            },
        ))
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

fn waiting(row: WaitingRow) -> Result<Waiting, Error> {
    let (number, id, to, subject, content, attempts, created_at_ns) = row;
    let id = id.parse().map_err(|_| Error::BadId(id))?;
    Ok(Waiting {
        number,
        id,
        to,
        subject,
        content,
        attempts,
        created_at_ns,
    })
}

fn state(number: u8) -> State {
    match number {
        0 => State::Queued,
        1 => State::Delivered,
        _ => State::Failed,
    }
}

pub(super) fn now_ns() -> i64 {
    after_ns(Duration::ZERO)
}

/// The time after `delay`, in nanoseconds since the Unix epoch.
pub(super) fn after_ns(delay: Duration) -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from((since + delay).as_nanos()).unwrap_or(i64::MAX)
}
