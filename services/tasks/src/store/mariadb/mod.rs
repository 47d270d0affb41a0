//! The MariaDB engine, which several processes may share: what a change depends on is locked until it is committed, and
//! what comes between two processes is tried anew.

mod create;
mod lease;
mod outbox;
mod schema;
mod write;

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use muster_kit::Shutdown;
use muster_kit::health::Need;
use muster_kit::store::mariadb::{self, Work};
use muster_kit::store::{MySqlUrl, WriteError};
use muster_kit::trace::TraceContext;
use sqlx::MySqlConnection;
use tokio::sync::Notify;
use uuid::Uuid;

use super::row::{TaskRow, page, task};
use crate::completion::Completion;
use crate::error::Error;
use crate::input::NewTask;
use crate::selection::{Page, Selection};
use crate::store::Limits;
use crate::task::{Change, Precondition, Status, Task};
use create::{CreateOnce, Insert};
use lease::{ReleaseLease, TakeLease};
use outbox::{CountWaiting, ReadOutbox, RemoveSent};
use schema::SCHEMA;
use write::{ChangeTask, DeleteTask};

/// A database of a MariaDB.
#[derive(Debug)]
pub struct MariaDb {
    database: mariadb::MariaDb,
    limits: Limits,
    completed: Notify,
}

impl MariaDb {
    pub(super) async fn open(url: &MySqlUrl, limits: Limits, need: Need) -> Result<Self, Error> {
        Ok(Self {
            database: mariadb::MariaDb::open(url, SCHEMA, need).await?,
            limits,
            completed: Notify::new(),
        })
    }

    /// Without a key one statement, which is committed by itself.
    pub(super) async fn create(&self, new: NewTask, at_ms: i64) -> Result<Task, Error> {
        let insert = Insert { new: &new, at_ms };
        match new.key() {
            None => self.run(insert).await,
            Some(key) => {
                let max_keys = self.limits.keys;
                let create = CreateOnce {
                    insert,
                    key,
                    max_keys,
                };
                Ok(self.transact(create).await??)
            }
        }
    }

    pub(super) async fn change(
        &self,
        id: i64,
        change: Change,
        precondition: Precondition,
        at_ms: i64,
    ) -> Result<Task, Error> {
        let work = ChangeTask {
            id,
            change: &change,
            precondition: &precondition,
            max_waiting: self.limits.outbox,
            trace: TraceContext::current(),
            at_ms,
        };
        let done = self.transact(work).await?;
        if change.status == Some(Status::Completed) {
            self.completed.notify_one();
        }
        Ok(done?)
    }

    pub(super) async fn delete(&self, id: i64, precondition: Precondition) -> Result<(), Error> {
        let precondition = &precondition;
        Ok(self.transact(DeleteTask { id, precondition }).await??)
    }

    pub(super) async fn task(&self, id: i64) -> Result<Option<Task>, Error> {
        self.run(Find(id)).await
    }

    pub(super) async fn list(&self, selection: Selection) -> Result<Page, Error> {
        self.run(List(selection)).await
    }

    pub(super) fn completed(&self) -> &Notify {
        &self.completed
    }

    pub(super) async fn waiting(&self) -> Result<i64, Error> {
        self.run(CountWaiting).await
    }

    pub(super) async fn outbox(&self, most: u32) -> Result<Vec<Completion>, Error> {
        self.run(ReadOutbox { most }).await
    }

    pub(super) async fn remove(&self, sent: &[Completion]) -> Result<(), Error> {
        self.run(RemoveSent(sent)).await
    }

    pub(super) async fn lead(&self, owner: Uuid, lease: Duration) -> Result<bool, Error> {
        match self.database.run(TakeLease { owner, lease }).await {
            // Another one takes it at this moment.
            Err(WriteError::Busy) => Ok(false),
            taken => Ok(taken.map_err(Arc::new)?),
        }
    }

    pub(super) async fn stop_leading(&self, owner: Uuid) -> Result<(), Error> {
        self.run(ReleaseLease { owner }).await
    }

    pub(super) async fn keep_checked(&self, shutdown: &Shutdown) {
        self.database.keep_checked(shutdown).await;
    }

    pub(super) async fn close(&self) {
        self.database.close().await;
    }

    async fn run<W: Work>(&self, work: W) -> Result<W::Done, Error> {
        Ok(self.database.run(work).await.map_err(Arc::new)?)
    }

    async fn transact<W: Work>(&self, work: W) -> Result<W::Done, Error> {
        Ok(self.database.transact(work).await.map_err(Arc::new)?)
    }
}

/// The task of an id.
struct Find(i64);

impl Work for Find {
    type Done = Option<Task>;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Option<Task>, sqlx::Error> {
        find(connection, self.0).await
    }
}

/// A page of tasks.
struct List(Selection);

impl Work for List {
    type Done = Page;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<Page, sqlx::Error> {
        let mut query = page(&self.0);
        let mut rows = query.build_query_as::<TaskRow>().fetch(connection);
        let (mut page, mut has_room) = (Page::default(), true);
        // To the end: what is not read would be in the way of the next who uses the connection.
        while let Some(row) = rows.try_next().await? {
            has_room = has_room && page.push(task(row), self.0.limit);
        }
        Ok(page)
    }
}

async fn find(connection: &mut MySqlConnection, id: i64) -> Result<Option<Task>, sqlx::Error> {
    let found = sqlx::query_as(
        "SELECT id, user_id, content, created_at_ms, completed_at_ms, version FROM tasks
         WHERE id = ?",
    );
    Ok(found.bind(id).fetch_optional(connection).await?.map(task))
}
