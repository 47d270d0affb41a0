//! Writes, which share a commit.

use muster_kit::store::sqlite;
use sqlx::SqliteConnection;

use super::create::create;
use super::{find, number};
use crate::input::NewTask;
use crate::task::{Change, Precondition, Refusal, Task};

/// Something to be written.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) step: Step,
    /// When, in milliseconds since the Unix epoch.
    pub(super) at_ms: i64,
}

#[derive(Debug)]
pub(super) enum Step {
    Create {
        task: NewTask,
        /// How many keys are known after it at most.
        max_keys: u32,
    },
    Change {
        id: i64,
        change: Change,
        precondition: Precondition,
    },
    Delete {
        id: i64,
        precondition: Precondition,
    },
}

impl sqlite::Write for Write {
    /// The task as it is now, or was when it was deleted.
    type Done = Result<Task, Refusal>;

    async fn write(&self, connection: &mut SqliteConnection) -> Result<Self::Done, sqlx::Error> {
        match &self.step {
            Step::Create { task, max_keys } => {
                create(connection, task, *max_keys, self.at_ms).await
            }
            Step::Change {
                id,
                change: to,
                precondition,
            } => match expect(connection, *id, precondition).await? {
                Ok(task) => change(connection, task, to, self.at_ms).await.map(Ok),
                refused => Ok(refused),
            },
            Step::Delete { id, precondition } => {
                match expect(connection, *id, precondition).await? {
                    Ok(task) => delete(connection, task).await.map(Ok),
                    refused => Ok(refused),
                }
            }
        }
    }

    fn committed(&self, _: &Self::Done) {}
}

/// The task that the caller has in mind.
async fn expect(
    connection: &mut SqliteConnection,
    id: i64,
    precondition: &Precondition,
) -> Result<Result<Task, Refusal>, sqlx::Error> {
    let found = find(connection, id).await?.ok_or(Refusal::NoSuchTask);
    Ok(found.and_then(|task| precondition.check(&task).map(|()| task)))
}

async fn change(
    connection: &mut SqliteConnection,
    task: Task,
    change: &Change,
    at_ms: i64,
) -> Result<Task, sqlx::Error> {
    let changed = task.changed(change, at_ms);
    if changed == task {
        return Ok(task);
    }
    sqlx::query(
        "UPDATE tasks SET status = ?, content = ?, completed_at_ms = ?, version = ? WHERE id = ?",
    )
    .bind(number(changed.status()))
    .bind(&changed.content)
    .bind(changed.completed_at_ms)
    .bind(changed.version)
    .bind(changed.id)
    .execute(connection)
    .await?;
    Ok(changed)
}

async fn delete(connection: &mut SqliteConnection, task: Task) -> Result<Task, sqlx::Error> {
    let deleted = sqlx::query("DELETE FROM tasks WHERE id = ?").bind(task.id);
    deleted.execute(connection).await?;
    Ok(task)
}
