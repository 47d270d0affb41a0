//! Writes, which share a commit.

use std::sync::Arc;

use muster_kit::store::sqlite;
use muster_kit::trace::TraceContext;
use sqlx::SqliteConnection;
use tokio::sync::Notify;

use super::create::create;
use super::{find, outbox};
use crate::input::NewTask;
use crate::store::row::number;
use crate::task::{Change, Precondition, Refusal, Status, Task};

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
        /// How many completed tasks may wait for the bus.
        max_waiting: u32,
        /// What asked for it.
        trace: Option<TraceContext>,
        /// Who is told of one more.
        completed: Arc<Notify>,
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
                max_waiting,
                trace,
                ..
            } => match expect(connection, *id, precondition).await? {
                Ok(task) => {
                    let changed = task.changed(to, self.at_ms);
                    if task.is_completed_by(&changed)
                        && !outbox::add(connection, &changed, trace.as_ref(), *max_waiting).await?
                    {
                        return Ok(Err(Refusal::OutboxFull));
                    }
                    change(connection, task, changed).await.map(Ok)
                }
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

    fn committed(&self, _: &Self::Done) {
        if let Step::Change {
            change, completed, ..
        } = &self.step
            && change.status == Some(Status::Completed)
        {
            completed.notify_one();
        }
    }
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
    changed: Task,
) -> Result<Task, sqlx::Error> {
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
