//! Completed tasks, on their way to the bus.

use muster_kit::store::mariadb::Work;
use muster_kit::trace::TraceContext;
use sqlx::{AssertSqlSafe, MySqlConnection};
use uuid::Uuid;

use crate::completion::Completion;
use crate::store::row::{CompletionRow, completion};
use crate::task::Task;

/// Notes that a task was completed, unless `most` wait already: whether there was room. Their count is read without a
/// lock: those who write at the same moment may all find room for the last.
pub(super) async fn add(
    connection: &mut MySqlConnection,
    task: &Task,
    trace: Option<&TraceContext>,
    most: u32,
) -> Result<bool, sqlx::Error> {
    let added = sqlx::query(
        "INSERT INTO outbox
         (id, task_id, user_id, content, created_at_ms, completed_at_ms, version, traceparent,
          tracestate)
         SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?
         FROM (SELECT MAX(position) - MIN(position) + 1 AS count FROM outbox) AS waiting
         WHERE COALESCE(count, 0) < ?",
    )
    .bind(Uuid::now_v7())
    .bind(task.id)
    .bind(task.user_id)
    .bind(&task.content)
    .bind(task.created_at_ms)
    .bind(task.completed_at_ms)
    .bind(task.version)
    .bind(trace.map(TraceContext::parent))
    .bind(trace.and_then(TraceContext::state))
    .bind(most)
    .execute(connection)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// How many there are. They go from the oldest on, so that the ends tell, at no cost.
pub(super) struct CountWaiting;

/// The oldest.
pub(super) struct ReadOutbox {
    pub(super) most: u32,
}

/// Removes these.
pub(super) struct RemoveSent<'a>(pub(super) &'a [Completion]);

impl Work for CountWaiting {
    type Done = i64;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<i64, sqlx::Error> {
        let span: Option<i64> = sqlx::query_scalar(
            "SELECT CAST(MAX(position) - MIN(position) + 1 AS SIGNED) FROM outbox",
        )
        .fetch_one(connection)
        .await?;
        Ok(span.unwrap_or(0))
    }
}

impl Work for ReadOutbox {
    type Done = Vec<Completion>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Self::Done, sqlx::Error> {
        let rows: Vec<CompletionRow> = sqlx::query_as(
            "SELECT position, id, task_id, user_id, content, created_at_ms, completed_at_ms, version,
             traceparent, tracestate FROM outbox ORDER BY position LIMIT ?",
        )
        .bind(self.most)
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().map(completion).collect())
    }
}

impl Work for RemoveSent<'_> {
    type Done = ();

    async fn run(&self, connection: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        let positions: Vec<String> = self.0.iter().map(|one| one.position.to_string()).collect();
        let positions = positions.join(", ");
        // Numbers of ours, and each time as many others: nothing to prepare.
        let removed = AssertSqlSafe(format!(
            "DELETE FROM outbox WHERE position IN ({positions})"
        ));
        sqlx::raw_sql(removed).execute(connection).await.map(drop)
    }
}
