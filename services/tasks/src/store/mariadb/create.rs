//! New tasks, and the keys that they were created with.

use muster_kit::store::mariadb::Work;
use sqlx::MySqlConnection;

use super::find;
use crate::input::{Key, NewTask};
use crate::store::{KEY_LIFETIME, KEY_SWEEP};
use crate::task::{Refusal, Task};

/// What a key was used for.
struct Used {
    number: i64,
    task_id: i64,
    digest: Vec<u8>,
    at_ms: i64,
}

/// A new task.
pub(super) struct Insert<'a> {
    pub(super) new: &'a NewTask,
    /// When, in milliseconds since the Unix epoch.
    pub(super) at_ms: i64,
}

/// A new task, or the one of its key. One who uses the key at the same time makes the later of both fail, which then is
/// done anew.
pub(super) struct CreateOnce<'a> {
    pub(super) insert: Insert<'a>,
    pub(super) key: &'a Key,
    /// How many keys are known after it at most.
    pub(super) max_keys: u32,
}

impl Work for Insert<'_> {
    type Done = Task;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Task, sqlx::Error> {
        let insert =
            sqlx::query("INSERT INTO tasks (user_id, content, created_at_ms) VALUES (?, ?, ?)")
                .bind(self.new.user_id())
                .bind(self.new.content().as_str())
                .bind(self.at_ms);
        let inserted = insert.execute(connection).await?;
        Ok(Task {
            id: id(inserted.last_insert_id())?,
            user_id: self.new.user_id(),
            content: self.new.content().as_str().to_owned(),
            created_at_ms: self.at_ms,
            completed_at_ms: None,
            version: 1,
        })
    }
}

impl Work for CreateOnce<'_> {
    type Done = Result<Task, Refusal>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Self::Done, sqlx::Error> {
        let lifetime_ms = i64::try_from(KEY_LIFETIME.as_millis()).unwrap_or(i64::MAX);
        let oldest_ms = self.insert.at_ms.saturating_sub(lifetime_ms);
        match used(connection, self.key).await? {
            Some(used) if used.at_ms > oldest_ms => {
                return repeat(connection, self.insert.new, used).await;
            }
            Some(used) => forget(connection, used.number).await?,
            None => {}
        }
        let created = self.insert.run(connection).await?;
        let number = remember(connection, self.key, self.insert.new, &created).await?;
        if number % KEY_SWEEP == 0 {
            forget_old(connection, number, self.max_keys).await?;
        }
        Ok(Ok(created))
    }
}

/// The task that was created with the key of this one, as it is by now.
async fn repeat(
    connection: &mut MySqlConnection,
    task: &NewTask,
    used: Used,
) -> Result<Result<Task, Refusal>, sqlx::Error> {
    if used.digest != task.digest() {
        return Ok(Err(Refusal::KeyReused));
    }
    Ok(find(connection, used.task_id)
        .await?
        .ok_or(Refusal::Deleted))
}

async fn used(connection: &mut MySqlConnection, key: &Key) -> Result<Option<Used>, sqlx::Error> {
    let found: Option<(i64, i64, Vec<u8>, i64)> = sqlx::query_as(
        "SELECT number, task_id, digest, created_at_ms FROM idempotency_keys
         WHERE idempotency_key = ?",
    )
    .bind(key.as_str().as_bytes())
    .fetch_optional(connection)
    .await?;
    Ok(found.map(|(number, task_id, digest, at_ms)| Used {
        number,
        task_id,
        digest,
        at_ms,
    }))
}

/// Notes what the key was used for. Returns its number.
async fn remember(
    connection: &mut MySqlConnection,
    key: &Key,
    task: &NewTask,
    created: &Task,
) -> Result<i64, sqlx::Error> {
    let insert = sqlx::query(
        "INSERT INTO idempotency_keys (idempotency_key, digest, task_id, created_at_ms)
         VALUES (?, ?, ?, ?)",
    )
    .bind(key.as_str().as_bytes())
    .bind(task.digest().to_vec())
    .bind(created.id)
    .bind(created.created_at_ms);
    id(insert.execute(connection).await?.last_insert_id())
}

async fn forget(connection: &mut MySqlConnection, number: i64) -> Result<(), sqlx::Error> {
    let forgotten = sqlx::query("DELETE FROM idempotency_keys WHERE number = ?").bind(number);
    forgotten.execute(connection).await.map(drop)
}

/// Drops the oldest keys, so that there is room for those until the next time.
async fn forget_old(
    connection: &mut MySqlConnection,
    newest: i64,
    max_keys: u32,
) -> Result<(), sqlx::Error> {
    let kept = (i64::from(max_keys) - KEY_SWEEP).max(0);
    let forgotten = sqlx::query("DELETE FROM idempotency_keys WHERE number <= ?");
    let forgotten = forgotten.bind(newest - kept).execute(connection);
    forgotten.await.map(drop)
}

/// A number that the server gave.
fn id(given: u64) -> Result<i64, sqlx::Error> {
    i64::try_from(given).map_err(|why| sqlx::Error::Decode(why.into()))
}
