//! The SQLite engine: one connection writes, a few read.

mod outbox;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::{self, StoreLock};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{SqlSafeStr, SqliteConnection};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::user::{NewUser, User};

/// Each is one step from the schema before; none is ever changed once it was released.
const MIGRATIONS: [(&str, &str); 1] = [("users", include_str!("1-users.sql"))];
const READERS: u32 = 4;
/// How long to wait, after a failed write, before the next check.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// An open SQLite store.
#[derive(Debug)]
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    opened: Instant,
    waiting: AtomicUsize,
    max_waiting: usize,
    need: Need,
    is_lost: AtomicBool,
    failed: Notify,
    _lock: StoreLock,
}

impl Sqlite {
    pub(super) async fn open(path: &Path, max_waiting: usize, need: Need) -> Result<Self, Error> {
        let lock = store::lock(path)?;
        let writer = pool(path, 1).await?;
        migrator().run(&writer).await?;
        let readers = pool(path, READERS).await?;
        let waiting = outbox::make_all_due(&writer).await?;
        need.met();
        Ok(Self {
            writer,
            readers,
            opened: Instant::now(),
            waiting: AtomicUsize::new(waiting),
            max_waiting,
            need,
            is_lost: AtomicBool::new(false),
            failed: Notify::new(),
            _lock: lock,
        })
    }

    pub(super) async fn create(&self, user: NewUser) -> Result<User, Error> {
        // Asked before the address is looked at: the answer must not tell whether it is known.
        if self.waiting() >= self.max_waiting {
            return Err(Error::OutboxFull);
        }
        let (user, is_new) = self.written(self.insert(&user).await)?;
        if is_new {
            self.waiting.fetch_add(1, Ordering::Relaxed);
        }
        Ok(user)
    }

    async fn insert(&self, user: &NewUser) -> Result<(User, bool), sqlx::Error> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let id = insert_user(&mut transaction, user).await?;
        match id {
            Some(_) => outbox::insert(&mut transaction, user).await?,
            None => count_repeat(&mut transaction).await?,
        }
        let stored = find_by_key(&mut transaction, user).await?;
        transaction.commit().await?;
        Ok((stored, id.is_some()))
    }

    pub(super) async fn user(&self, id: i64) -> Result<Option<User>, Error> {
        let found = sqlx::query_as("SELECT id, email, created_at_ns FROM users WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.readers)
            .await?;
        Ok(found.map(user))
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) async fn keep_checked(&self, shutdown: &Shutdown) {
        let check = async {
            loop {
                self.failed.notified().await;
                while self.check().await.is_err() {
                    sleep(CHECK_INTERVAL).await;
                }
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = check => {}
        }
    }

    /// A write that changes nothing but is on disk when it succeeds.
    async fn check(&self) -> Result<(), Error> {
        let touched = sqlx::query("UPDATE repeats SET count = count").execute(&self.writer);
        let touched = touched.await;
        self.written(touched).map(drop)
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Tells the health of the store by what became of a write. A full disk is answered as
    /// such, and what is stored can still be read: that does not make the service unhealthy.
    fn written<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, Error> {
        let result = result.map_err(Error::from);
        match &result {
            Ok(_) if self.is_lost.swap(false, Ordering::Relaxed) => self.need.met(),
            Err(error @ Error::Store(_)) => {
                self.is_lost.store(true, Ordering::Relaxed);
                self.need.lost(error);
                self.failed.notify_one();
            }
            _ => {}
        }
        result
    }
}

async fn pool(path: &Path, connections: u32) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged user is on disk.
        .synchronous(SqliteSynchronous::Full);
    SqlitePoolOptions::new()
        .max_connections(connections)
        .connect_with(options)
        .await
}

fn migrator() -> Migrator {
    let migration = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(MIGRATIONS).map(migration).collect())
}

/// The new id, or None where the address is known.
async fn insert_user(
    connection: &mut SqliteConnection,
    user: &NewUser,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT INTO users (email, email_key, created_at_ns) VALUES (?, ?, ?)
         ON CONFLICT (email_key) DO NOTHING RETURNING id",
    )
    .bind(user.address.as_str())
    .bind(user.address.key())
    .bind(user.created_at_ns)
    .fetch_optional(connection)
    .await
}

async fn count_repeat(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let counted = sqlx::query("UPDATE repeats SET count = count + 1").execute(connection);
    counted.await.map(drop)
}

async fn find_by_key(connection: &mut SqliteConnection, of: &NewUser) -> Result<User, sqlx::Error> {
    let found = sqlx::query_as("SELECT id, email, created_at_ns FROM users WHERE email_key = ?")
        .bind(of.address.key())
        .fetch_one(connection)
        .await?;
    Ok(user(found))
}

fn user((id, email, created_at_ns): (i64, String, i64)) -> User {
    User {
        id,
        email,
        created_at_ns,
    }
}
