//! The mails that wait.

use std::sync::atomic::Ordering;
use std::time::Duration;

use muster_kit::trace::TraceContext;
use sqlx::SqliteConnection;
use sqlx::sqlite::SqlitePool;

use super::Sqlite;
use crate::error::Error;
use crate::store::{Due, Offered};
use crate::user::{NewUser, WaitingMail};

/// Refused mails that are kept for a look at them.
const MAX_REFUSED: i64 = 1000;

type Row = (
    i64,
    String,
    String,
    String,
    u32,
    Option<String>,
    Option<String>,
    Option<String>,
);

/// Nobody works on the mails of a store that is just being opened. Returns how many wait.
pub(super) async fn make_all_due(writer: &SqlitePool) -> Result<usize, sqlx::Error> {
    sqlx::query("UPDATE outbox SET due_ns = 0 WHERE due_ns <> 0 AND refused IS NULL")
        .execute(writer)
        .await?;
    let waiting: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox WHERE refused IS NULL")
        .fetch_one(writer)
        .await?;
    Ok(usize::try_from(waiting).unwrap_or_default())
}

pub(super) async fn insert(
    connection: &mut SqliteConnection,
    user: &NewUser,
    trace: Option<&TraceContext>,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO outbox (id, recipient, content, created_at_ns, traceparent, tracestate)
         VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(user.welcome.id.to_string())
    .bind(user.address.as_str())
    .bind(user.welcome.content.as_str())
    .bind(user.created_at_ns)
    .bind(trace.map(TraceContext::parent))
    .bind(trace.and_then(TraceContext::state))
    .execute(connection)
    .await
    .map(drop)
}

impl Sqlite {
    pub(in crate::store) async fn due(&self, limit: u32) -> Result<Due, Error> {
        let now_ns = self.due_after(Duration::ZERO);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT number, id, recipient, content, attempts, offered_to, traceparent, tracestate
             FROM outbox
             WHERE refused IS NULL AND due_ns <= ? ORDER BY due_ns, number LIMIT ?",
        )
        .bind(now_ns)
        .bind(limit)
        .fetch_all(self.database.readers())
        .await?;
        let next = match rows.is_empty() {
            true => self.next_due(now_ns).await?,
            false => None,
        };
        let mails = rows.into_iter().map(mail).collect();
        Ok(Due { mails, next })
    }

    /// Of those that wait, which their index knows.
    pub(in crate::store) async fn oldest_ns(&self) -> Result<Option<i64>, Error> {
        let oldest =
            sqlx::query_scalar("SELECT min(created_at_ns) FROM outbox WHERE refused IS NULL");
        Ok(oldest.fetch_one(self.database.readers()).await?)
    }

    async fn next_due(&self, now_ns: i64) -> Result<Option<Duration>, Error> {
        let next: Option<i64> =
            sqlx::query_scalar("SELECT min(due_ns) FROM outbox WHERE refused IS NULL")
                .fetch_one(self.database.readers())
                .await?;
        let wait = |due_ns: i64| u64::try_from(due_ns - now_ns).unwrap_or_default();
        Ok(next.map(|due_ns| Duration::from_nanos(wait(due_ns))))
    }

    pub(in crate::store) async fn offer(
        &self,
        number: i64,
        to: &str,
        claim: Duration,
    ) -> Result<(), Error> {
        let offered = sqlx::query(
            "UPDATE outbox SET offered_to = ?, due_ns = ?, attempts = attempts + 1
             WHERE number = ?",
        )
        .bind(to)
        .bind(self.due_after(claim))
        .bind(number)
        .execute(self.database.writer())
        .await;
        self.written(offered).map(drop)
    }

    pub(in crate::store) async fn settle(
        &self,
        number: i64,
        offered: Offered,
    ) -> Result<(), Error> {
        match offered {
            Offered::Taken => self.written(self.remove(number).await)?,
            Offered::Again { delay, is_held } => {
                return self.written(self.postpone(number, delay, is_held).await);
            }
            Offered::Refused(why) => self.written(self.set_aside(number, &why).await)?,
        }
        self.waiting.count.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    async fn remove(&self, number: i64) -> Result<(), sqlx::Error> {
        let removed = sqlx::query("DELETE FROM outbox WHERE number = ?").bind(number);
        removed.execute(self.database.writer()).await.map(drop)
    }

    async fn postpone(
        &self,
        number: i64,
        delay: Duration,
        is_held: bool,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE outbox SET due_ns = ?, offered_to = iif(?, offered_to, NULL)
             WHERE number = ?",
        )
        .bind(self.due_after(delay))
        .bind(is_held)
        .bind(number)
        .execute(self.database.writer())
        .await
        .map(drop)
    }

    async fn set_aside(&self, number: i64, why: &str) -> Result<(), sqlx::Error> {
        let mut transaction = self.database.writer().begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("UPDATE outbox SET refused = ? WHERE number = ?")
            .bind(why)
            .bind(number)
            .execute(&mut *transaction)
            .await?;
        sqlx::query(
            "DELETE FROM outbox WHERE refused IS NOT NULL AND number <=
             (SELECT number FROM outbox WHERE refused IS NOT NULL
              ORDER BY number DESC LIMIT 1 OFFSET ?)",
        )
        .bind(MAX_REFUSED)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }

    /// On the clock of this opening, which never reads 0.
    fn due_after(&self, delay: Duration) -> i64 {
        let due = self.opened.elapsed() + delay;
        i64::try_from(due.as_nanos()).unwrap_or(i64::MAX).max(1)
    }
}

fn mail(row: Row) -> WaitingMail {
    let (number, id, to, content, attempts, offered_to, parent, state) = row;
    WaitingMail {
        number,
        id,
        to,
        content,
        attempts,
        offered_to,
        trace: TraceContext::read(parent.as_deref(), state.as_deref()),
    }
}
