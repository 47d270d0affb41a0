//! The one writer: takes all that waits, writes it in one transaction, answers after the commit.
//!
//! One fsync for a whole group is what makes a durable mail cheap.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use muster_kit::clock::now_ns;
use muster_kit::trace::TraceContext;
use sqlx::SqliteConnection;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::sqlite::{Clock, Database};
use super::{Attempt, MOST_REFUSED};
use crate::error::Error;
use crate::mail::NewMail;

/// The most writes of one transaction.
const GROUP: usize = 256;

/// Something to be written, and whom to tell.
#[derive(Debug)]
pub(super) enum Write {
    Add(
        NewMail,
        Option<TraceContext>,
        oneshot::Sender<Result<(), Error>>,
    ),
    Settle(i64, Attempt, oneshot::Sender<Result<(), Error>>),
}

/// What became of a write within its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Done {
    Added,
    WasThere,
    Other,
    Full,
    Settled { for_good: bool },
    WasSettled,
}

/// Writes until all senders are gone.
pub(super) async fn write_groups(database: Arc<Database>, mut writes: mpsc::Receiver<Write>) {
    let mut group = Vec::with_capacity(GROUP);
    while writes.recv_many(&mut group, GROUP).await > 0 {
        let result = database.sqlite.written(write(&database, &group).await);
        match result {
            Ok(done) => answer(&database, &mut group, &done),
            Err(error) => {
                let error = Arc::new(error);
                for write in group.drain(..) {
                    reply(write, Err(Error::Write(error.clone())));
                }
            }
        }
    }
}

async fn write(database: &Database, group: &[Write]) -> Result<Vec<Done>, sqlx::Error> {
    let mut waiting = database.waiting.load(Ordering::Relaxed);
    let mut transaction = database
        .sqlite
        .writer()
        .begin_with("BEGIN IMMEDIATE")
        .await?;
    let mut done = Vec::with_capacity(group.len());
    for write in group {
        let one = match write {
            Write::Add(mail, trace, _) => {
                let add = Add {
                    mail,
                    trace: trace.as_ref(),
                    has_room: waiting < database.most_waiting,
                };
                add.write(&mut transaction, &database.clock).await?
            }
            Write::Settle(number, attempt, _) => {
                settle(&mut transaction, *number, attempt, &database.clock).await?
            }
        };
        waiting += usize::from(one == Done::Added);
        done.push(one);
    }
    transaction.commit().await?;
    Ok(done)
}

/// Tells each caller; all of it is on disk now.
fn answer(database: &Database, group: &mut Vec<Write>, done: &[Done]) {
    for (write, done) in group.drain(..).zip(done) {
        let result = match done {
            Done::Other => Err(Error::OtherMail),
            Done::Full => Err(Error::QueueFull),
            Done::Added | Done::WasThere | Done::Settled { .. } | Done::WasSettled => Ok(()),
        };
        match done {
            Done::Added => drop(database.waiting.fetch_add(1, Ordering::Relaxed)),
            Done::Settled { for_good: true } => {
                database.waiting.fetch_sub(1, Ordering::Relaxed);
            }
            _ => {}
        }
        reply(write, result);
    }
}

/// A caller that went away needs no answer.
fn reply(write: Write, result: Result<(), Error>) {
    let _gone = match write {
        Write::Add(.., reply) | Write::Settle(_, _, reply) => reply.send(result),
    };
}

/// A mail that is to be stored.
struct Add<'a> {
    mail: &'a NewMail,
    trace: Option<&'a TraceContext>,
    has_room: bool,
}

impl Add<'_> {
    async fn write(
        &self,
        connection: &mut SqliteConnection,
        clock: &Clock,
    ) -> Result<Done, sqlx::Error> {
        let id = self.mail.id.to_string();
        let known: Option<String> = sqlx::query_scalar("SELECT digest FROM mails WHERE id = ?")
            .bind(&id)
            .fetch_optional(&mut *connection)
            .await?;
        if let Some(known) = known {
            let same = known.parse() == Ok::<Uuid, _>(self.mail.digest());
            return Ok(if same { Done::WasThere } else { Done::Other });
        }
        if !self.has_room {
            return Ok(Done::Full);
        }
        self.insert(connection, &id, clock).await?;
        Ok(Done::Added)
    }

    async fn insert(
        &self,
        connection: &mut SqliteConnection,
        id: &str,
        clock: &Clock,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(
            "INSERT INTO mails (id, digest, recipient, subject, content, created_at_ns, due_ns,
             traceparent, tracestate) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(id)
        .bind(self.mail.digest().to_string())
        .bind(self.mail.to.as_str())
        .bind(&self.mail.subject)
        .bind(&self.mail.content)
        .bind(now_ns())
        .bind(clock.after_ns(Duration::ZERO))
        .bind(self.trace.map(TraceContext::parent))
        .bind(self.trace.and_then(TraceContext::state))
        .execute(connection)
        .await
        .map(drop)
    }
}

/// Only a mail that is still queued changes.
async fn settle(
    connection: &mut SqliteConnection,
    number: i64,
    attempt: &Attempt,
    clock: &Clock,
) -> Result<Done, sqlx::Error> {
    let query = match attempt {
        Attempt::Delivered => sqlx::query(
            "UPDATE mails SET state = 1, content = '', last_error = '', attempts = attempts + 1
             WHERE number = ? AND state = 0",
        ),
        Attempt::Again(why, delay) => sqlx::query(
            "UPDATE mails SET last_error = ?, due_ns = ?, attempts = attempts + 1
             WHERE number = ? AND state = 0",
        )
        .bind(why)
        .bind(clock.after_ns(*delay)),
        Attempt::Failed(why) => sqlx::query(
            "UPDATE mails SET state = 2, last_error = ?, attempts = attempts + 1
             WHERE number = ? AND state = 0",
        )
        .bind(why),
    };
    let changed = query.bind(number).execute(&mut *connection).await?;
    if changed.rows_affected() == 0 {
        return Ok(Done::WasSettled);
    }
    if matches!(attempt, Attempt::Failed(_)) {
        drop_old_texts(connection).await?;
    }
    let for_good = !matches!(attempt, Attempt::Again(..));
    Ok(Done::Settled { for_good })
}

/// Of refused mails, those that were stored before the last [`MOST_REFUSED`].
async fn drop_old_texts(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE mails SET content = '' WHERE state = 2 AND content <> '' AND number <=
         (SELECT number FROM mails WHERE state = 2 AND content <> ''
          ORDER BY number DESC LIMIT 1 OFFSET ?)",
    )
    .bind(i64::try_from(MOST_REFUSED).unwrap_or(i64::MAX))
    .execute(connection)
    .await
    .map(drop)
}
