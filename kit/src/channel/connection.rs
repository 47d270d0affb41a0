//! Keeping connections to all endpoints that are listed.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tonic::body::Body;

use super::greeting;
use super::table::{Connection, Table};
use crate::backoff::Backoff;
use crate::discovery::Endpoints;
use crate::status::Chain;
use crate::tls::Dial;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
const PING_INTERVAL: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(3);
/// How much a server may send ahead of the reader of one stream, and of all of a connection: more,
/// so that one stream which nobody reads does not stop the others.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 16 * STREAM_WINDOW_BYTES;
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(1);
/// A connection that lasted this long was a good one: the next attempt follows at once.
const GOOD: Duration = Duration::from_secs(1);

/// One task for each listed endpoint. Never ends; aborted, it ends them all.
pub(super) async fn keep_all(
    mut endpoints: watch::Receiver<Endpoints>,
    table: Arc<Table>,
    dial: Dial,
) {
    let mut tasks: BTreeMap<Arc<str>, AbortOnDropHandle<()>> = BTreeMap::new();
    loop {
        let listed = endpoints.borrow_and_update().clone();
        tasks.retain(|addr, _| {
            let stays = listed.contains(&**addr);
            if !stays {
                table.delist(addr);
            }
            stays
        });
        for addr in listed.iter().map(|addr| Arc::from(addr.as_str())) {
            tasks
                .entry(addr)
                .or_insert_with_key(|addr| keep(addr, &table, &dial));
        }
        if endpoints.changed().await.is_err() {
            // Nobody will say more: what is known stands.
            std::future::pending::<()>().await;
        }
    }
}

fn keep(addr: &Arc<str>, table: &Arc<Table>, dial: &Dial) -> AbortOnDropHandle<()> {
    let listing = table.list(addr);
    let task = keep_connected(addr.clone(), listing, table.clone(), dial.clone());
    AbortOnDropHandle::new(tokio::spawn(task))
}

async fn keep_connected(addr: Arc<str>, listing: u64, table: Arc<Table>, dial: Dial) {
    let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
    loop {
        match connect(&addr, &dial).await {
            Ok((connection, ended)) => {
                tracing::debug!(%addr, "connected");
                let start = Instant::now();
                table.ready(&addr, listing, connection);
                let trouble = ended.await.err().map(|error| Chain(&error).to_string());
                tracing::debug!(%addr, trouble, "disconnected");
                let was_good = start.elapsed() >= GOOD;
                if was_good {
                    backoff.reset();
                }
                table.lost(&addr, listing, trouble.filter(|_| !was_good));
            }
            Err(error) => {
                tracing::debug!(%addr, %error, "not connected");
                let trouble = format!("cannot connect to {addr}: {error}");
                table.lost(&addr, listing, Some(trouble));
            }
        }
        sleep(backoff.delay()).await;
    }
}

/// A connection that a server answers on, and a future that drives it until it ends. Calls that
/// are under way then are finished by tasks of their own.
async fn connect(
    addr: &str,
    dial: &Dial,
) -> io::Result<(Connection, impl Future<Output = hyper::Result<()>>)> {
    let late = |_| io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
    timeout(CONNECT_TIMEOUT, greeted(addr, dial))
        .await
        .map_err(late)?
}

/// Connects, and drives the connection until the server says its first word.
async fn greeted(
    addr: &str,
    dial: &Dial,
) -> io::Result<(Connection, impl Future<Output = hyper::Result<()>>)> {
    let socket = dial.connect(addr).await?;
    let (socket, greeting) = greeting::heard(socket);
    let (connection, driven) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .keep_alive_while_idle(false)
        // What a server sends on a stream that was cancelled meanwhile is no offence: after 1,024 of
        // them the connection would end, with all other streams.
        .max_local_error_reset_streams(None)
        .handshake::<_, Body>(TokioIo::new(socket))
        .await
        .map_err(io::Error::other)?;
    let mut driven = Box::pin(driven);
    tokio::select! {
        // First, so that words that are no HTTP/2 count for none.
        biased;
        ended = &mut driven => Err(match ended {
            Ok(()) => io::ErrorKind::UnexpectedEof.into(),
            Err(error) => io::Error::other(Chain(&error).to_string()),
        }),
        Ok(()) = greeting => Ok((connection, driven)),
    }
}
