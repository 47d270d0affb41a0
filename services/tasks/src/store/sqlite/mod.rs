//! The SQLite engine: one connection writes, a few read.

mod create;
mod outbox;
mod write;

use std::path::Path;
use std::sync::Arc;

use futures_util::TryStreamExt;
use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::sqlite;
use muster_kit::trace::TraceContext;
use sqlx::SqliteExecutor;
use tokio::sync::Notify;

use super::row::{TaskRow, page, task};
use crate::completion::Completion;
use crate::error::Error;
use crate::input::NewTask;
use crate::selection::{Page, Selection};
use crate::store::Limits;
use crate::task::{Change, Precondition, Refusal, Task};
use write::{Step, Write};

/// Each is one step from the schema before; none is ever changed once it was released.
const MIGRATIONS: &sqlite::Migrations = &[
    ("tasks", include_str!("1-tasks.sql")),
    ("outbox", include_str!("2-outbox.sql")),
    ("outbox trace", include_str!("3-outbox-trace.sql")),
];

/// An open SQLite store.
#[derive(Debug)]
pub struct Sqlite {
    database: Arc<sqlite::Sqlite>,
    writes: sqlite::Group<Write>,
    limits: Limits,
    completed: Arc<Notify>,
}

impl Sqlite {
    pub(super) async fn open(path: &Path, limits: Limits, need: Need) -> Result<Self, Error> {
        let database = Arc::new(sqlite::Sqlite::open(path, MIGRATIONS, need).await?);
        Ok(Self {
            writes: sqlite::Group::new(database.clone()),
            database,
            limits,
            completed: Arc::default(),
        })
    }

    pub(super) async fn create(&self, task: NewTask, at_ms: i64) -> Result<Task, Error> {
        let max_keys = self.limits.keys;
        self.write(Step::Create { task, max_keys }, at_ms).await
    }

    pub(super) async fn change(
        &self,
        id: i64,
        change: Change,
        precondition: Precondition,
        at_ms: i64,
    ) -> Result<Task, Error> {
        let step = Step::Change {
            id,
            change,
            precondition,
            max_waiting: self.limits.outbox,
            trace: TraceContext::current(),
            completed: self.completed.clone(),
        };
        self.write(step, at_ms).await
    }

    pub(super) async fn delete(&self, id: i64, precondition: Precondition) -> Result<(), Error> {
        self.write(Step::Delete { id, precondition }, 0)
            .await
            .map(drop)
    }

    async fn write(&self, step: Step, at_ms: i64) -> Result<Task, Error> {
        let done: Result<Task, Refusal> = self.writes.write(Write { step, at_ms }).await?;
        Ok(done?)
    }

    pub(super) async fn task(&self, id: i64) -> Result<Option<Task>, Error> {
        Ok(find(self.database.readers(), id).await?)
    }

    pub(super) async fn list(&self, selection: Selection) -> Result<Page, Error> {
        let mut query = page(&selection);
        let mut rows = query
            .build_query_as::<TaskRow>()
            .fetch(self.database.readers());
        let mut page = Page::default();
        while let Some(row) = rows.try_next().await? {
            if !page.push(task(row), selection.limit) {
                break;
            }
        }
        Ok(page)
    }

    pub(super) fn completed(&self) -> &Notify {
        &self.completed
    }

    pub(super) async fn waiting(&self) -> Result<i64, Error> {
        Ok(outbox::waiting(self.database.readers()).await?)
    }

    pub(super) async fn outbox(&self, most: u32) -> Result<Vec<Completion>, Error> {
        Ok(outbox::read(self.database.readers(), most).await?)
    }

    pub(super) async fn remove(&self, sent: &[Completion]) -> Result<(), Error> {
        let removed = outbox::remove(self.database.writer(), sent).await;
        Ok(self.database.written(removed).map_err(Arc::new)?)
    }

    pub(super) async fn keep_checked(&self, shutdown: &Shutdown) {
        self.database.keep_checked(shutdown).await;
    }

    pub(super) async fn close(&self) {
        self.database.close().await;
    }
}

async fn find(executor: impl SqliteExecutor<'_>, id: i64) -> Result<Option<Task>, sqlx::Error> {
    let found = sqlx::query_as(
        "SELECT id, user_id, content, created_at_ms, completed_at_ms, version FROM tasks
         WHERE id = ?",
    )
    .bind(id)
    .fetch_optional(executor)
    .await?;
    Ok(found.map(task))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use muster_kit::health::Health;

    use super::*;

    #[tokio::test]
    async fn tasks_that_wait_from_before_there_were_traces_are_still_to_be_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tasks.db");
        let insert = "INSERT INTO outbox
                      (id, task_id, user_id, content, created_at_ms, completed_at_ms, version)
                      VALUES (zeroblob(16), 1, 2, 'x', 3, 4, 5)";
        let left = sqlite::Sqlite::leave_for_test(&path, &MIGRATIONS[..2], insert).await;
        left.unwrap();

        let store = Sqlite::open(&path, Limits::default(), Health::default().need("store"))
            .await
            .unwrap();
        let waiting = store.outbox(10).await.unwrap();
        assert_eq!((waiting.len(), waiting[0].task.version), (1, 5));
        assert_eq!(waiting[0].trace, None);
    }
}
