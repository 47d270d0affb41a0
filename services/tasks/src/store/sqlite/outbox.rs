//! Completed tasks, on their way to the bus.

use muster_kit::trace::TraceContext;
use sqlx::{QueryBuilder, SqliteConnection, SqliteExecutor};
use uuid::Uuid;

use crate::completion::Completion;
use crate::store::row::{CompletionRow, completion};
use crate::task::Task;

/// Notes that a task was completed, unless `most` wait already: whether there was room.
pub(super) async fn add(
    connection: &mut SqliteConnection,
    task: &Task,
    trace: Option<&TraceContext>,
    most: u32,
) -> Result<bool, sqlx::Error> {
    if waiting(&mut *connection).await? >= i64::from(most) {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO outbox
         (id, task_id, user_id, content, created_at_ms, completed_at_ms, version, traceparent,
          tracestate)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
    .execute(connection)
    .await?;
    Ok(true)
}

/// The oldest, `most` at most.
pub(super) async fn read(
    executor: impl SqliteExecutor<'_>,
    most: u32,
) -> Result<Vec<Completion>, sqlx::Error> {
    let rows: Vec<CompletionRow> = sqlx::query_as(
        "SELECT position, id, task_id, user_id, content, created_at_ms, completed_at_ms, version,
         traceparent, tracestate FROM outbox ORDER BY position LIMIT ?",
    )
    .bind(most)
    .fetch_all(executor)
    .await?;
    Ok(rows.into_iter().map(completion).collect())
}

/// Removes these.
pub(super) async fn remove(
    executor: impl SqliteExecutor<'_>,
    sent: &[Completion],
) -> Result<(), sqlx::Error> {
    let mut query = QueryBuilder::new("DELETE FROM outbox WHERE position IN (");
    let mut positions = query.separated(", ");
    for completion in sent {
        positions.push_bind(completion.position);
    }
    query.push(")");
    query.build().persistent(false).execute(executor).await?;
    Ok(())
}

/// How many there are. They go from the oldest on, so that the ends tell, at no cost.
pub(super) async fn waiting(executor: impl SqliteExecutor<'_>) -> Result<i64, sqlx::Error> {
    let span: Option<i64> = sqlx::query_scalar(
        "SELECT (SELECT MAX(position) FROM outbox) - (SELECT MIN(position) FROM outbox) + 1",
    )
    .fetch_one(executor)
    .await?;
    Ok(span.unwrap_or(0))
}
