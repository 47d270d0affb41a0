//! Sign-ups, which are written together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use muster_kit::store::sqlite::Write;
use muster_kit::trace::TraceContext;
use sqlx::SqliteConnection;
use tokio::sync::Notify;

use super::outbox;
use crate::user::{NewUser, User};

/// The mails that wait.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) count: AtomicUsize,
    /// Told whenever there may be one.
    pub(super) notify: Notify,
}

/// Somebody who is to be stored, if there is none of the address.
#[derive(Debug)]
pub(super) struct SignUp {
    pub(super) user: NewUser,
    /// What asked for it.
    pub(super) trace: Option<TraceContext>,
    pub(super) waiting: Arc<Waiting>,
}

impl Write for SignUp {
    /// The user of this address, and whether it is a new one, whose mail waits now.
    type Done = (User, bool);

    async fn write(&self, connection: &mut SqliteConnection) -> Result<Self::Done, sqlx::Error> {
        let id = insert_user(connection, &self.user).await?;
        match id {
            Some(_) => outbox::insert(connection, &self.user, self.trace.as_ref()).await?,
            None => count_repeat(connection).await?,
        }
        let stored = find_by_key(connection, &self.user).await?;
        Ok((stored, id.is_some()))
    }

    fn committed(&self, (_, is_new): &Self::Done) {
        if *is_new {
            self.waiting.count.fetch_add(1, Ordering::Relaxed);
            self.waiting.notify.notify_one();
        }
    }
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
    Ok(super::user(found))
}
