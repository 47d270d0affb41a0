//! Changes of a task, whose row is locked until they are committed.

use muster_kit::store::mariadb::Work;
use muster_kit::trace::TraceContext;
use sqlx::MySqlConnection;

use super::outbox;
use crate::store::row::{TaskRow, number, task};
use crate::task::{Change, Precondition, Refusal, Task};

/// Makes something else of a task.
pub(super) struct ChangeTask<'a> {
    pub(super) id: i64,
    pub(super) change: &'a Change,
    pub(super) precondition: &'a Precondition,
    /// How many completed tasks may wait for the bus.
    pub(super) max_waiting: u32,
    /// What asked for it.
    pub(super) trace: Option<TraceContext>,
    /// When, in milliseconds since the Unix epoch.
    pub(super) at_ms: i64,
}

/// Makes an end of a task.
pub(super) struct DeleteTask<'a> {
    pub(super) id: i64,
    pub(super) precondition: &'a Precondition,
}

impl Work for ChangeTask<'_> {
    type Done = Result<Task, Refusal>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Self::Done, sqlx::Error> {
        match expect(connection, self.id, self.precondition).await? {
            Ok(task) => {
                let changed = task.changed(self.change, self.at_ms);
                if task.is_completed_by(&changed) && !self.note(connection, &changed).await? {
                    return Ok(Err(Refusal::OutboxFull));
                }
                change(connection, task, changed).await.map(Ok)
            }
            refused => Ok(refused),
        }
    }
}

impl ChangeTask<'_> {
    /// Notes for the bus that the task is completed, if there is room for that.
    async fn note(
        &self,
        connection: &mut MySqlConnection,
        completed: &Task,
    ) -> Result<bool, sqlx::Error> {
        outbox::add(connection, completed, self.trace.as_ref(), self.max_waiting).await
    }
}

impl Work for DeleteTask<'_> {
    type Done = Result<(), Refusal>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Self::Done, sqlx::Error> {
        if let Err(refused) = expect(connection, self.id, self.precondition).await? {
            return Ok(Err(refused));
        }
        let deleted = sqlx::query("DELETE FROM tasks WHERE id = ?").bind(self.id);
        deleted.execute(connection).await.map(|_| Ok(()))
    }
}

/// The task that the caller has in mind, kept from others until the transaction ends.
async fn expect(
    connection: &mut MySqlConnection,
    id: i64,
    precondition: &Precondition,
) -> Result<Result<Task, Refusal>, sqlx::Error> {
    let found: Option<TaskRow> = sqlx::query_as(
        "SELECT id, user_id, content, created_at_ms, completed_at_ms, version FROM tasks
         WHERE id = ? FOR UPDATE",
    )
    .bind(id)
    .fetch_optional(connection)
    .await?;
    let found = found.map(task).ok_or(Refusal::NoSuchTask);
    Ok(found.and_then(|task| precondition.check(&task).map(|()| task)))
}

async fn change(
    connection: &mut MySqlConnection,
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
