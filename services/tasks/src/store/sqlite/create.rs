//! New tasks, and the keys that they were created with.

use sqlx::SqliteConnection;

use super::find;
use crate::input::{Key, NewTask};
use crate::store::KEY_LIFETIME;
use crate::task::{Refusal, Task};

/// Keys whose time is over that go with each new one: more than one, so that they grow fewer.
const SWEEP: u32 = 4;

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
    forget(connection, key, at_ms).await?;
    if let Some((id, digest)) = find_key(connection, key).await? {
        return repeat(connection, task, id, &digest).await;
    }
    let created = insert(connection, task, at_ms).await?;
    remember(connection, key, task, &created).await?;
    forget_beyond(connection, max_keys).await?;
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

/// The task that the key was used for, and the digest of what the request said.
async fn find_key(
    connection: &mut SqliteConnection,
    key: &Key,
) -> Result<Option<(i64, Vec<u8>)>, sqlx::Error> {
    sqlx::query_as("SELECT task_id, digest FROM idempotency_keys WHERE key = ?")
        .bind(key.as_str())
        .fetch_optional(connection)
        .await
}

async fn remember(
    connection: &mut SqliteConnection,
    key: &Key,
    task: &NewTask,
    created: &Task,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO idempotency_keys (key, digest, task_id, created_at_ms) VALUES (?, ?, ?, ?)",
    )
    .bind(key.as_str())
    .bind(task.digest().to_vec())
    .bind(created.id)
    .bind(created.created_at_ms)
    .execute(connection)
    .await
    .map(drop)
}

/// The key itself, if its time is over, and some of the oldest whose time is.
async fn forget(
    connection: &mut SqliteConnection,
    key: &Key,
    at_ms: i64,
) -> Result<(), sqlx::Error> {
    let lifetime_ms = i64::try_from(KEY_LIFETIME.as_millis()).unwrap_or(i64::MAX);
    sqlx::query(
        "DELETE FROM idempotency_keys WHERE created_at_ms <= ? AND
         (key = ? OR number IN (SELECT number FROM idempotency_keys ORDER BY number LIMIT ?))",
    )
    .bind(at_ms.saturating_sub(lifetime_ms))
    .bind(key.as_str())
    .bind(SWEEP)
    .execute(connection)
    .await
    .map(drop)
}

/// The oldest of more than `max_keys`. Numbers have no gaps but where keys went already.
async fn forget_beyond(
    connection: &mut SqliteConnection,
    max_keys: u32,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "DELETE FROM idempotency_keys
         WHERE number <= (SELECT max(number) FROM idempotency_keys) - ?",
    )
    .bind(max_keys)
    .execute(connection)
    .await
    .map(drop)
}
