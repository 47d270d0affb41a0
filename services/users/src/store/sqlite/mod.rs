//! The SQLite engine: one connection writes, a few read.

mod outbox;
mod sign_up;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::sqlite;
use muster_kit::trace::TraceContext;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::error::Error;
use crate::user::{NewUser, User};
use sign_up::{SignUp, Waiting};

/// Each is one step from the schema before; none is ever changed once it was released.
const MIGRATIONS: &sqlite::Migrations = &[
    ("users", include_str!("1-users.sql")),
    ("outbox trace", include_str!("2-outbox-trace.sql")),
];

/// An open SQLite store.
#[derive(Debug)]
pub struct Sqlite {
    database: Arc<sqlite::Sqlite>,
    sign_ups: sqlite::Group<SignUp>,
    opened: Instant,
    waiting: Arc<Waiting>,
    max_waiting: usize,
}

impl Sqlite {
    pub(super) async fn open(path: &Path, max_waiting: usize, need: Need) -> Result<Self, Error> {
        let database = Arc::new(sqlite::Sqlite::open(path, MIGRATIONS, need).await?);
        let waiting = Waiting::default();
        let count = outbox::make_all_due(database.writer()).await?;
        waiting.count.store(count, Ordering::Relaxed);
        Ok(Self {
            sign_ups: sqlite::Group::new(database.clone()),
            database,
            opened: Instant::now(),
            waiting: Arc::new(waiting),
            max_waiting,
        })
    }

    pub(super) async fn create(&self, user: NewUser) -> Result<User, Error> {
        // Asked before the address is looked at: the answer must not tell whether it is known.
        if self.waiting() >= self.max_waiting {
            return Err(Error::OutboxFull);
        }
        let sign_up = SignUp {
            user,
            trace: TraceContext::current(),
            waiting: self.waiting.clone(),
        };
        let stored = self.sign_ups.write(sign_up).await;
        let (user, _) = stored.map_err(Error::of_sign_up)?;
        Ok(user)
    }

    pub(super) async fn user(&self, id: i64) -> Result<Option<User>, Error> {
        let found = sqlx::query_as("SELECT id, email, created_at_ns FROM users WHERE id = ?")
            .bind(id)
            .fetch_optional(self.database.readers())
            .await?;
        Ok(found.map(user))
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.count.load(Ordering::Relaxed)
    }

    pub(super) fn mail_waits(&self) -> &Notify {
        &self.waiting.notify
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

fn user((id, email, created_at_ns): (i64, String, i64)) -> User {
    User {
        id,
        email,
        created_at_ns,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use muster_kit::health::Health;

    use super::*;

    #[tokio::test]
    async fn mails_that_wait_from_before_there_were_traces_are_still_to_be_offered() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users.db");
        let insert = "INSERT INTO outbox (id, recipient, content, created_at_ns)
                      VALUES ('k', 'ann@localhost', 'Hello', 7)";
        let left = sqlite::Sqlite::leave_for_test(&path, &MIGRATIONS[..1], insert).await;
        left.unwrap();

        let store = Sqlite::open(&path, 10, Health::default().need("store"))
            .await
            .unwrap();
        assert_eq!(store.waiting(), 1);
        let due = store.due(10).await.unwrap().mails;
        assert_eq!((&*due[0].id, &*due[0].content), ("k", "Hello"));
        assert_eq!(due[0].trace, None);
    }
}
