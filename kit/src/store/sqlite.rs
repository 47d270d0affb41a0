//! SQLite through sqlx: one connection writes, a few read, and the schema is brought to today's.

mod group;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Connection, SqliteConnection};
use tokio::sync::Notify;
use tokio::time::sleep;

pub use self::group::{Group, Write};
pub use super::WriteError;
use super::{StoreError, StoreLock, lock, tell_connections};
use crate::Shutdown;
use crate::health::{Health, Need};
use crate::metrics::{Observed, observe};

const READERS: u32 = 4;
/// How long to wait, after a failed write, before the next check.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
/// SQLite's code for a full disk; extended codes carry more in their upper bits.
const SQLITE_FULL: u32 = 13;

/// The steps of a schema, by name, in their order; none is ever changed once it was released.
pub type Migrations = [(&'static str, &'static str)];

/// An open database, kept to this process.
#[derive(Debug)]
pub struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    need: Need,
    is_lost: AtomicBool,
    failed: Notify,
    name: String,
    _lock: StoreLock,
    _observed: Observed,
}

/// Why a database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it, or its folder cannot be made.
    #[error(transparent)]
    Lock(#[from] StoreError),
    /// A later version of this program wrote it.
    #[error(
        "{path}: its schema is of version {version}, this program knows {newest}: use a newer one"
    )]
    Newer {
        /// The file.
        path: String,
        /// What the store has.
        version: i64,
        /// What this program knows.
        newest: usize,
    },
    /// Its schema cannot be brought to today's.
    #[error("{path}: {cause}")]
    Schema {
        /// The file.
        path: String,
        /// Why not.
        cause: MigrateError,
    },
    /// It cannot be read.
    #[error("{path}: {cause}")]
    Failed {
        /// The file.
        path: String,
        /// Why not.
        cause: sqlx::Error,
    },
}

impl From<sqlx::Error> for WriteError {
    fn from(error: sqlx::Error) -> Self {
        if matches!(error, sqlx::Error::PoolTimedOut) {
            return Self::Busy;
        }
        let code = error.as_database_error().and_then(|error| error.code());
        match code.and_then(|code| code.parse::<u32>().ok()) {
            Some(code) if code & 0xff == SQLITE_FULL => Self::Full,
            _ => Self::Failed(error),
        }
    }
}

impl Sqlite {
    /// Opens the database, which is made or brought to today's schema as needed. `need` is met
    /// from then on, and lost while writing fails for another reason than a full disk.
    ///
    /// # Errors
    /// Another process serves it, its schema is a newer one, or it cannot be read.
    pub async fn open(path: &Path, migrations: &Migrations, need: Need) -> Result<Self, OpenError> {
        let lock = lock(path)?;
        let name = || path.display().to_string();
        let failed = |cause| OpenError::Failed {
            path: name(),
            cause,
        };
        let writer = pool(path, writers()).await.map_err(failed)?;
        migrator(migrations)
            .run(&writer)
            .await
            .map_err(|cause| match cause {
                MigrateError::VersionMissing(version) => OpenError::Newer {
                    path: name(),
                    version,
                    newest: migrations.len(),
                },
                cause => OpenError::Schema {
                    path: name(),
                    cause,
                },
            })?;
        let readers = SqlitePoolOptions::new().max_connections(READERS);
        let readers = pool(path, readers).await.map_err(failed)?;
        need.met();
        let (is_lost, failed) = (AtomicBool::new(false), Notify::new());
        let store = super::name(path);
        let observed = observe({
            let (store, readers) = (store.clone(), readers.clone());
            move || {
                let busy = (readers.size() as usize).saturating_sub(readers.num_idle());
                tell_connections(&store, "read", busy, READERS as usize);
            }
        });
        Ok(Self {
            writer,
            readers,
            need,
            is_lost,
            failed,
            name: store,
            _lock: lock,
            _observed: observed,
        })
    }

    /// For tests: makes the database that an older version has left, with what one statement wrote into it.
    ///
    /// # Errors
    /// It cannot be made.
    pub async fn leave_for_test(
        path: &Path,
        migrations: &Migrations,
        sql: &'static str,
    ) -> Result<(), OpenError> {
        let old = Self::open(path, migrations, Health::default().need("store")).await?;
        let written = sqlx::query(sql).execute(&old.writer).await;
        old.close().await;
        written.map(drop).map_err(|cause| OpenError::Failed {
            path: path.display().to_string(),
            cause,
        })
    }

    /// What it is called where it is told of.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The one connection that writes.
    pub fn writer(&self) -> &SqlitePool {
        &self.writer
    }

    /// The connections that read.
    pub fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    /// Tells the health of the store by what became of a write. A full disk is answered as such,
    /// and what is stored can still be read: that does not make the service unhealthy.
    ///
    /// # Errors
    /// What became of the write.
    pub fn written<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, WriteError> {
        let result = result.map_err(WriteError::from);
        match &result {
            Ok(_) if self.is_lost.swap(false, Ordering::Relaxed) => self.need.met(),
            Err(error @ WriteError::Failed(_)) => {
                // In this order: a success that comes between is told by the next check.
                self.need.lost(error);
                self.is_lost.store(true, Ordering::Relaxed);
                self.failed.notify_one();
            }
            _ => {}
        }
        result
    }

    /// Tries, after a write failed, until one succeeds, so that the service is SERVING again;
    /// until `shutdown` fires.
    pub async fn keep_checked(&self, shutdown: &Shutdown) {
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
    async fn check(&self) -> Result<(), WriteError> {
        let touched = sqlx::query("UPDATE _sqlx_migrations SET success = success");
        self.written(touched.execute(&self.writer).await).map(drop)
    }

    /// What writes to it is gone: the process stops, and is started anew by whoever runs it.
    pub fn lost_for_good(&self, why: &str) {
        self.need.lost_for_good(why);
    }

    /// Ends all work on the database.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// One connection, which is replaced if a transaction ended without its knowledge: SQLite itself
/// rolls back where the disk is full, and sqlx, whose own rollback then fails, takes that
/// connection to be in a transaction for good.
fn writers() -> SqlitePoolOptions {
    let is_fit = async |connection: &mut SqliteConnection| {
        // Until it has rolled back as far as it can.
        connection.ping().await?;
        Ok(!connection.is_in_transaction())
    };
    SqlitePoolOptions::new()
        .max_connections(1)
        .after_release(move |connection, _| Box::pin(is_fit(connection)))
}

async fn pool(path: &Path, pool: SqlitePoolOptions) -> Result<SqlitePool, sqlx::Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // What is acknowledged is on disk.
        .synchronous(SqliteSynchronous::Full);
    pool.connect_with(options).await
}

fn migrator(migrations: &Migrations) -> Migrator {
    let migration = |(version, (name, sql)): (i64, &(&'static str, &'static str))| {
        let kind = MigrationType::Simple;
        Migration::new(version, (*name).into(), kind, sql.into_sql_str(), false)
    };
    Migrator::with_migrations((1..).zip(migrations).map(migration).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ONE: (&str, &str) = ("one", "CREATE TABLE one (id INTEGER PRIMARY KEY)");
    const TWO: (&str, &str) = ("two", "CREATE TABLE two (id INTEGER PRIMARY KEY)");

    async fn open(path: &Path, migrations: &Migrations) -> Result<Sqlite, OpenError> {
        Sqlite::open(path, migrations, Health::default().need("store")).await
    }

    #[tokio::test]
    async fn an_older_schema_is_brought_to_todays_and_a_newer_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        open(&path, &[ONE]).await.unwrap().close().await;
        let store = open(&path, &[ONE, TWO]).await.unwrap();
        sqlx::query("INSERT INTO two (id) VALUES (1)")
            .execute(store.writer())
            .await
            .unwrap();
        store.close().await;
        drop(store);
        let refused = open(&path, &[ONE]).await.unwrap_err().to_string();
        assert!(
            refused.contains("version 2, this program knows 1"),
            "{refused}"
        );
    }

    #[test]
    fn a_connection_that_is_not_free_in_time_is_no_failure_of_the_store() {
        let error = WriteError::from(sqlx::Error::PoolTimedOut);
        assert!(matches!(error, WriteError::Busy));
    }

    #[tokio::test]
    async fn a_failed_write_is_told_and_so_is_the_next_good_one() {
        let folder = tempfile::tempdir().unwrap();
        let health = Health::default();
        let need = health.need("store");
        let store = Sqlite::open(&folder.path().join("x.db"), &[ONE], need)
            .await
            .unwrap();
        let store = &store;
        let write = |sql: &'static str| async move {
            store.written(sqlx::query(sql).execute(store.writer()).await)
        };
        assert!(
            health
                .obstacles()
                .iter()
                .all(|line| !line.contains("store"))
        );
        write("INSERT INTO nowhere (id) VALUES (1)")
            .await
            .unwrap_err();
        assert!(health.obstacles().iter().any(|line| line.contains("store")));
        write("INSERT INTO one (id) VALUES (1)").await.unwrap();
        assert!(
            health
                .obstacles()
                .iter()
                .all(|line| !line.contains("store"))
        );
    }
}
