//! MariaDB through sqlx: some connections for all work, a deadline on each piece of it, and a schema that is brought to
//! today's in steps.
//!
//! Several processes may work on one database. It may be away when a process starts, and at any time after: then all
//! work is refused ([`WriteError::Unavailable`]), [`MariaDb::keep_checked`] tries until it answers, and tells the
//! health of the store; nothing else does. What is acknowledged is on disk where the server is set so
//! (`innodb_flush_log_at_trx_commit=1`, which is its default).

mod connections;
mod failure;
mod schema;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::{Connection, MySqlConnection};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use self::connections::Connections;
pub use self::failure::OpenError;
use self::failure::{Failure, is_conflict};
pub use self::schema::Schema;
use super::{MySqlUrl, WriteError};
use crate::Shutdown;
use crate::backoff::Backoff;
use crate::health::Need;

/// How long a piece of work may take, all its attempts together.
const DEADLINE: Duration = Duration::from_secs(5);
/// How often a transaction is tried while others are in its way.
const ATTEMPTS: u32 = 20;
const FIRST_RETRY: Duration = Duration::from_millis(2);
const LONGEST_RETRY: Duration = Duration::from_millis(100);
/// How often a database that answers is checked, and one that does not.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
const CHECK_DEADLINE: Duration = Duration::from_secs(3);
/// A step may write a large table anew.
const SCHEMA_DEADLINE: Duration = Duration::from_secs(600);

/// A piece of work on a database.
pub trait Work: Sync {
    /// What comes of it.
    type Done: Send;

    /// Does it. It may be done again from its beginning: nothing of an attempt that failed remains.
    ///
    /// # Errors
    /// The database did not do it.
    fn run(
        &self,
        connection: &mut MySqlConnection,
    ) -> impl Future<Output = Result<Self::Done, sqlx::Error>> + Send;
}

/// A database of a MariaDB.
#[derive(Debug)]
pub struct MariaDb {
    url: MySqlUrl,
    connections: Connections,
    schema: Schema,
    need: Need,
    has_schema: AtomicBool,
    is_well: AtomicBool,
    trouble: Notify,
}

/// All or nothing of it.
struct Transaction<W>(W);

impl MariaDb {
    /// Opens the database and brings its schema to today's. One that does not answer is opened all the same: see
    /// [`MariaDb::keep_checked`]. `need` is met while it answers and writes.
    ///
    /// # Errors
    /// It refuses whom the URL names, its schema is a newer one, or a step fails.
    pub async fn open(url: &MySqlUrl, schema: Schema, need: Need) -> Result<MariaDb, OpenError> {
        let database = MariaDb {
            url: url.clone(),
            connections: Connections::new(url),
            schema,
            need,
            has_schema: AtomicBool::new(false),
            // Until it is known.
            is_well: AtomicBool::new(true),
            trouble: Notify::new(),
        };
        match database.check().await {
            Err(why) if !why.is_passing() => Err(why.at(url)),
            checked => {
                database.tell(checked);
                Ok(database)
            }
        }
    }

    /// Does some work on a connection; a statement by itself is committed by itself. It is done once: an error may
    /// mean that it was done.
    ///
    /// # Errors
    /// Too many wait for a connection, or the database does not do it.
    pub async fn run<W: Work>(&self, work: W) -> Result<W::Done, WriteError> {
        self.in_time(self.attempt(&work)).await
    }

    /// Does some work in a transaction, all or nothing of it; anew if another transaction was in its way, or has just
    /// written the same unique key.
    ///
    /// # Errors
    /// Too many wait for a connection, or the database does not do it.
    pub async fn transact<W: Work>(&self, work: W) -> Result<W::Done, WriteError> {
        let work = Transaction(work);
        let retried = async {
            let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
            for _ in 1..ATTEMPTS {
                match self.attempt(&work).await {
                    Err(Failure::Sql(error)) if is_conflict(&error) => {
                        sleep(backoff.delay()).await;
                    }
                    done => return done,
                }
            }
            self.attempt(&work).await
        };
        self.in_time(retried).await
    }

    /// Checks the database from time to time, and at once after work on it failed, so that the service is SERVING
    /// while it answers and writes; until `shutdown` fires.
    pub async fn keep_checked(&self, shutdown: &Shutdown) {
        let check = async {
            loop {
                match self.is_well.load(Ordering::Relaxed) {
                    true => drop(timeout(CHECK_INTERVAL, self.trouble.notified()).await),
                    false => sleep(RETRY_INTERVAL).await,
                }
                self.tell(self.check().await);
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = check => {}
        }
    }

    /// Ends all work on the database.
    pub async fn close(&self) {
        let _late = timeout(CHECK_DEADLINE, self.connections.close()).await;
    }

    async fn attempt<W: Work>(&self, work: &W) -> Result<W::Done, Failure> {
        if !self.has_schema.load(Ordering::Acquire) {
            let why = io::Error::other("its schema is not known yet");
            return Err(Failure::Sql(sqlx::Error::Io(why)));
        }
        let mut lent = self.connections.lend().await?;
        let done = work.run(lent.connection()).await;
        // One that failed is dropped: the server ends what was begun on it.
        if done.is_ok() || done.as_ref().is_err_and(failure::is_told_by_server) {
            lent.give_back();
        }
        Ok(done?)
    }

    /// Ends work at the deadline, and has the database checked if it is to blame.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, WriteError> {
        let done = match timeout(DEADLINE, work).await {
            Ok(done) => done,
            Err(_) => Err(Failure::late()),
        };
        done.map_err(|failure| {
            let error = WriteError::from(failure);
            if matches!(error, WriteError::Unavailable(_) | WriteError::Failed(_)) {
                self.trouble.notify_one();
            }
            error
        })
    }

    /// Whether it answers and writes, on a connection of its own. Brings the schema to today's first, once.
    async fn check(&self) -> Result<(), Failure> {
        if !self.has_schema.load(Ordering::Acquire) {
            let bring = async {
                let mut connection = self.connections.connect().await?;
                self.schema.bring(&mut connection).await?;
                warn_of_loss(&self.url, &mut connection).await
            };
            timeout(SCHEMA_DEADLINE, bring)
                .await
                .map_err(|_| Failure::late())??;
            self.has_schema.store(true, Ordering::Release);
        }
        let write = async {
            let mut connection = self.connections.connect().await?;
            self.schema.touch(&mut connection).await?;
            connection.close().await.map_err(Failure::Sql)
        };
        let written = timeout(CHECK_DEADLINE, write).await;
        written.unwrap_or_else(|_| Err(Failure::late()))
    }

    /// Tells the health of the store, and the log when it changes.
    fn tell(&self, checked: Result<(), Failure>) {
        let was_well = self.is_well.swap(checked.is_ok(), Ordering::Relaxed);
        match checked {
            Ok(()) => {
                if !was_well {
                    tracing::info!(store = %self.url, "the store answers again");
                }
                self.need.met();
            }
            Err(why) => {
                // The others are as dead.
                self.connections.forget_idle();
                if was_well {
                    tracing::warn!(store = %self.url, %why, "the store does not answer");
                }
                self.need.lost(why);
            }
        }
    }
}

impl<W: Work> Work for Transaction<W> {
    type Done = W::Done;

    async fn run(&self, connection: &mut MySqlConnection) -> Result<W::Done, sqlx::Error> {
        let mut transaction = connection.begin().await?;
        match self.0.run(&mut transaction).await {
            Ok(done) => transaction.commit().await.map(|()| done),
            Err(error) => {
                // Now: what it has locked would stay so until somebody uses the connection.
                transaction.rollback().await?;
                Err(error)
            }
        }
    }
}

/// A server may acknowledge what is not on disk: its operator should know.
async fn warn_of_loss(url: &MySqlUrl, connection: &mut MySqlConnection) -> Result<(), Failure> {
    let flush: i64 = sqlx::query_scalar("SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED)")
        .fetch_one(connection)
        .await?;
    if !matches!(flush, 1 | 3) {
        tracing::warn!(
            store = %url,
            "innodb_flush_log_at_trx_commit is {flush}: a power cut may take what was acknowledged"
        );
    }
    Ok(())
}
