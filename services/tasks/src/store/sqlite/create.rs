//! New tasks, and the keys that they were created with.

use sqlx::SqliteConnection;

use super::find;
use crate::input::{Key, NewTask};
use crate::store::{KEY_LIFETIME, KEY_SWEEP};
use crate::task::{Refusal, Task};

/// Stores a task, or finds the one of its key.
pub(super) async fn create(
    connection: &mut SqliteConnection,
    task: &NewTask,
    max_keys: u32,
    at_ms: i64,
) -> Result<Result<Task, Refusal>, sqlx::Error> {
    let Some(key) = task.key() else {
        return insert(connection, task, at_ms).await.map(Ok);
    };
    if let Some((id, digest)) = find_key(connection, key, at_ms).await? {
        return repeat(connection, task, id, &digest).await;
    }
    let created = insert(connection, task, at_ms).await?;
    let number = remember(connection, key, task, &created).await?;
    if number % KEY_SWEEP == 0 {
        forget(connection, number, max_keys).await?;
    }
    Ok(Ok(created))
}

async fn insert(
    connection: &mut SqliteConnection,
    task: &NewTask,
    at_ms: i64,
) -> Result<Task, sqlx::Error> {
    let insert = sqlx::query_scalar(
        "INSERT INTO tasks (user_id, content, created_at_ms) VALUES (?, ?, ?) RETURNING id",
    )
    .bind(task.user_id())
    .bind(task.content().as_str())
    .bind(at_ms);
    Ok(Task {
        id: insert.fetch_one(connection).await?,
        user_id: task.user_id(),
        content: task.content().as_str().to_owned(),
        created_at_ms: at_ms,
        completed_at_ms: None,
        version: 1,
    })
}

/// The task that was created with the key of this one, as it is by now.
async fn repeat(
    connection: &mut SqliteConnection,
    task: &NewTask,
    id: i64,
    digest: &[u8],
) -> Result<Result<Task, Refusal>, sqlx::Error> {
    if digest != task.digest() {
        return Ok(Err(Refusal::KeyReused));
    }
    Ok(find(connection, id).await?.ok_or(Refusal::Deleted))
}

/// The task that the key was used for within its lifetime, and the digest of what the request
/// said.
async fn find_key(
    connection: &mut SqliteConnection,
    key: &Key,
    at_ms: i64,
) -> Result<Option<(i64, Vec<u8>)>, sqlx::Error> {
    let lifetime_ms = i64::try_from(KEY_LIFETIME.as_millis()).unwrap_or(i64::MAX);
    sqlx::query_as(
        "SELECT task_id, digest FROM idempotency_keys WHERE key = ? AND created_at_ms > ?",
    )
    .bind(key.as_str())
    .bind(at_ms.saturating_sub(lifetime_ms))
    .fetch_optional(connection)
    .await
}

/// Notes what the key was used for, in the place of what it was used for long ago. Returns its
/// number.
async fn remember(
    connection: &mut SqliteConnection,
    key: &Key,
    task: &NewTask,
    created: &Task,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar(
        "INSERT OR REPLACE INTO idempotency_keys (key, digest, task_id, created_at_ms)
         VALUES (?, ?, ?, ?) RETURNING number",
    )
    .bind(key.as_str())
    .bind(task.digest().to_vec())
    .bind(created.id)
    .bind(created.created_at_ms)
    .fetch_one(connection)
    .await
}

/// Drops the oldest keys, so that there is room for those until the next time.
async fn forget(
    connection: &mut SqliteConnection,
    newest: i64,
    max_keys: u32,
) -> Result<(), sqlx::Error> {
    let kept = (i64::from(max_keys) - KEY_SWEEP).max(0);
    let forgotten = sqlx::query("DELETE FROM idempotency_keys WHERE number <= ?");
    let forgotten = forgotten.bind(newest - kept).execute(connection);
    forgotten.await.map(drop)
}
