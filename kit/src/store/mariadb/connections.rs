//! The connections of a process to a database: so many at most, and so many callers that wait for one.
//!
//! sqlx has a pool. It asks the server after each piece of work whether the connection still answers, waits in the
//! background, without an end, for a server that does not, and takes one that refuses connections for one that is
//! busy.

use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sqlx::mysql::MySqlConnectOptions;
use sqlx::{Connection, MySqlConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::failure::Failure;
use crate::metrics::{Observed, observe};
use crate::store::{MySqlUrl, tell_connections, tell_waiting};

/// Writes that come at one time share a flush on the server, if they come by many connections.
const CONNECTIONS: usize = 32;
/// Callers that may wait for a connection.
const WAITING: usize = 1024;
const PATIENCE: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A connection that was idle for longer is asked whether it is still there.
const FRESH: Duration = Duration::from_secs(10);

/// What the work relies on, however the server is set: each statement by itself is committed, none is cut to fit, rows
/// that are not there are not locked, and a lock is not waited for until the deadline.
const SESSION: &str = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED;
    SET SESSION autocommit = 1, innodb_lock_wait_timeout = 3,
    sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,ERROR_FOR_DIVISION_BY_ZERO'";

#[derive(Debug)]
pub(super) struct Connections {
    /// Not the options of sqlx, which print the password.
    url: MySqlUrl,
    idle: Mutex<Vec<Idle>>,
    /// One each for those that work and those that wait.
    seats: Arc<Semaphore>,
    /// One each for those that work.
    free: Arc<Semaphore>,
    _observed: Observed,
}

#[derive(Debug)]
struct Idle {
    connection: MySqlConnection,
    since: Instant,
}

/// A connection in use. Dropped, it is closed; see [`Lent::give_back`].
#[derive(Debug)]
pub(super) struct Lent<'a> {
    connection: MySqlConnection,
    connections: &'a Connections,
    _seat: SemaphorePermit<'a>,
    _free: SemaphorePermit<'a>,
}

impl Lent<'_> {
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        &mut self.connection
    }

    /// Nothing is under way on it: others may use it.
    pub(super) fn give_back(self) {
        let idle = Idle {
            connection: self.connection,
            since: Instant::now(),
        };
        self.connections.idle().push(idle);
    }
}

impl Connections {
    pub(super) fn new(url: &MySqlUrl) -> Connections {
        let seats = Arc::new(Semaphore::new(CONNECTIONS + WAITING));
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        let observed = observe({
            let (store, seats, free) = (url.database.clone(), seats.clone(), free.clone());
            move || {
                let busy = CONNECTIONS.saturating_sub(free.available_permits());
                let seated = (CONNECTIONS + WAITING).saturating_sub(seats.available_permits());
                tell_connections(&store, "all", busy, CONNECTIONS);
                tell_waiting(&store, seated.saturating_sub(busy), WAITING);
            }
        });
        Connections {
            url: url.clone(),
            idle: Mutex::default(),
            seats,
            free,
            _observed: observed,
        }
    }

    /// One that nobody uses, or a new one.
    pub(super) async fn lend(&self) -> Result<Lent<'_>, Failure> {
        let seat = self.seats.try_acquire().map_err(|_| Failure::Busy)?;
        let free = timeout(PATIENCE, self.free.acquire()).await;
        let free = free
            .map_err(|_| Failure::Busy)?
            .map_err(|_| Failure::Busy)?;
        Ok(Lent {
            connection: self.fit().await?,
            connections: self,
            _seat: seat,
            _free: free,
        })
    }

    /// A new connection, beside all others.
    pub(super) async fn connect(&self) -> Result<MySqlConnection, Failure> {
        let connect = async {
            let mut connection = MySqlConnection::connect_with(&options(&self.url)).await?;
            sqlx::raw_sql(SESSION).execute(&mut connection).await?;
            Ok(connection)
        };
        let connected = timeout(CONNECT_TIMEOUT, connect).await;
        connected.unwrap_or_else(|_| Err(Failure::late()))
    }

    /// Closes those that nobody uses.
    pub(super) fn forget_idle(&self) {
        drop(take(&mut *self.idle()));
    }

    /// Lends no more, and takes leave of those that nobody uses.
    pub(super) async fn close(&self) {
        self.seats.close();
        let idle = take(&mut *self.idle());
        for Idle { connection, .. } in idle {
            let _gone = connection.close().await;
        }
    }

    async fn fit(&self) -> Result<MySqlConnection, Failure> {
        // The one that was used last: the others may rest until they are closed.
        let last = self.idle().pop();
        let Some(Idle {
            mut connection,
            since,
        }) = last
        else {
            return self.connect().await;
        };
        if since.elapsed() < FRESH {
            return Ok(connection);
        }
        match timeout(CONNECT_TIMEOUT, connection.ping()).await {
            Ok(Ok(())) => Ok(connection),
            _ => self.connect().await,
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn options(url: &MySqlUrl) -> MySqlConnectOptions {
    let options = MySqlConnectOptions::new()
        .host(&url.host)
        .port(url.port)
        .username(&url.user)
        .database(&url.database);
    let options = url.tls.apply(options);
    match &url.password {
        Some(password) => options.password(password),
        None => options,
    }
}
