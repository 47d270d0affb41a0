//! Sockets that read, and how much they have been told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::server::{Server, Subscription};
use super::socket::Socket;
use crate::failure::Failure;

/// Sockets that are opened at one time.
const OPENING: usize = 64;
const DEADLINE: Duration = Duration::from_secs(60);

/// Sockets, each read by a task.
pub(super) struct Crowd {
    count: Arc<Count>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
struct Count {
    told: AtomicU64,
    awaited: AtomicU64,
    reached: Notify,
}

impl Crowd {
    /// So many sockets, subscribed.
    pub(super) async fn open(
        server: &Server,
        sockets: usize,
        to: impl Fn(usize) -> Subscription,
    ) -> Result<Crowd, Failure> {
        let opening = stream::iter((0..sockets).map(|number| server.subscribed(to(number))));
        let sockets: Vec<Socket> = opening.buffer_unordered(OPENING).try_collect().await?;
        let count = Arc::<Count>::default();
        let mut tasks = JoinSet::new();
        for socket in sockets {
            tasks.spawn(read(socket, Arc::clone(&count)));
        }
        Ok(Crowd { count, tasks })
    }

    /// How many they are.
    pub(super) fn sockets(&self) -> u64 {
        self.tasks.len() as u64
    }

    /// Waits until all of them together have been told so much since the beginning.
    pub(super) async fn told(&self, count: u64) -> Result<(), Failure> {
        self.count.awaited.store(count, Ordering::SeqCst);
        let told = || self.count.told.load(Ordering::SeqCst);
        let all = async {
            while told() < count {
                self.count.reached.notified().await;
            }
        };
        let in_time = timeout(DEADLINE, all).await.is_ok();
        Failure::unless_all(if in_time { count } else { told() }, count)
    }
}

async fn read(mut socket: Socket, count: Arc<Count>) {
    while socket.next().await.is_ok() {
        let told = count.told.fetch_add(1, Ordering::SeqCst) + 1;
        if told == count.awaited.load(Ordering::SeqCst) {
            count.reached.notify_one();
        }
    }
}
