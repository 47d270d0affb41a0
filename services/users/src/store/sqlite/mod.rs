//! The SQLite engine: one connection writes, a few read.

mod group;
mod outbox;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::sqlite;
use sqlx::SqliteConnection;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::Error;
use crate::user::{NewUser, User};
use group::Queue;

/// Each is one step from the schema before; none is ever changed once it was released.
const MIGRATIONS: &sqlite::Migrations = &[("users", include_str!("1-users.sql"))];

/// An open SQLite store.
#[derive(Debug)]
pub struct Sqlite {
    database: sqlite::Sqlite,
    opened: Instant,
    waiting: AtomicUsize,
    max_waiting: usize,
    mail_waits: Notify,
    queue: Queue,
}

impl Sqlite {
    pub(super) async fn open(path: &Path, max_waiting: usize, need: Need) -> Result<Self, Error> {
        let database = sqlite::Sqlite::open(path, MIGRATIONS, need).await?;
        let waiting = outbox::make_all_due(database.writer()).await?;
        Ok(Self {
            database,
            opened: Instant::now(),
            waiting: AtomicUsize::new(waiting),
            max_waiting,
            mail_waits: Notify::new(),
            queue: Queue::default(),
        })
    }

    pub(super) async fn create(self: &Arc<Self>, user: NewUser) -> Result<User, Error> {
        // Asked before the address is looked at: the answer must not tell whether it is known.
        if self.waiting() >= self.max_waiting {
            return Err(Error::OutboxFull);
        }
        self.sign_up(user).await
    }

    pub(super) async fn user(&self, id: i64) -> Result<Option<User>, Error> {
        let found = sqlx::query_as("SELECT id, email, created_at_ns FROM users WHERE id = ?")
            .bind(id)
            .fetch_optional(self.database.readers())
            .await?;
        Ok(found.map(user))
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    pub(super) fn mail_waits(&self) -> &Notify {
        &self.mail_waits
    }

    pub(super) async fn keep_checked(&self, shutdown: &Shutdown) {
        self.database.keep_checked(shutdown).await;
    }

    pub(super) async fn close(&self) {
        self.database.close().await;
    }

    fn written<T>(&self, result: Result<T, sqlx::Error>) -> Result<T, Error> {
        Ok(self.database.written(result)?)
    }
}

/// The user of this address, and whether it is a new one, whose mail waits now.
async fn insert(
    connection: &mut SqliteConnection,
    user: &NewUser,
) -> Result<(User, bool), sqlx::Error> {
    let id = insert_user(connection, user).await?;
    match id {
        Some(_) => outbox::insert(connection, user).await?,
        None => count_repeat(connection).await?,
    }
    let stored = find_by_key(connection, user).await?;
    Ok((stored, id.is_some()))
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
