//! The bus of one process: a message is safe when it has been handled, since nothing here survives the process.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Delivery, Destination, Message, PublishError, Queue, Rejected, handle};

/// Events that wait for the consumer.
const MOST_WAITING: usize = 1_024;
/// How long a publisher waits for the handler.
const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct InProcess {
    queue: mpsc::Sender<Waiting>,
    /// Held by the one consumer that gets messages.
    consumer: Mutex<Unhandled>,
}

#[derive(Debug)]
struct Waiting {
    delivery: Delivery,
    /// Closed when the publisher has given up.
    handled: oneshot::Sender<()>,
}

/// What is there for consumers: what one had taken when it went comes first.
#[derive(Debug)]
struct Unhandled {
    taken: VecDeque<Waiting>,
    queue: mpsc::Receiver<Waiting>,
}

impl Default for InProcess {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        Self {
            queue: sender,
            consumer: Mutex::new(Unhandled {
                taken: VecDeque::new(),
                queue: receiver,
            }),
        }
    }
}

impl InProcess {
    pub(super) async fn publish(&self, messages: Vec<Message>) -> Result<(), PublishError> {
        let handled = tokio::time::timeout(DEADLINE, self.hand_over(messages)).await;
        let late = || PublishError::Unavailable("nobody has handled them in time".to_owned());
        match handled {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(late()),
        }
    }

    /// Whether the consumer has handled all of them.
    async fn hand_over(&self, messages: Vec<Message>) -> bool {
        let mut all = Vec::with_capacity(messages.len());
        for message in messages {
            // Nobody beyond the process reads what only this process has.
            if let Destination::Plain { .. } = message.to {
                continue;
            }
            let (handled, answer) = oneshot::channel();
            let delivery = Delivery {
                id: message.id,
                body: message.body,
                is_redelivered: false,
                trace: message.trace,
            };
            if self
                .queue
                .send(Waiting { delivery, handled })
                .await
                .is_err()
            {
                return false;
            }
            all.push(answer);
        }
        for answer in all {
            if answer.await.is_err() {
                return false;
            }
        }
        true
    }

    pub(super) async fn consume<F>(
        &self,
        queue: &Queue,
        most: usize,
        mut handler: impl FnMut(Vec<Delivery>) -> F,
    ) -> Infallible
    where
        F: Future<Output = Vec<Rejected>>,
    {
        let mut unhandled = self.consumer.lock().await;
        loop {
            let batch = unhandled.next(most).await;
            let count = batch.len();
            // If we are dropped here, the next consumer finds the batch in `taken`.
            handle(queue, batch, &mut handler).await;
            unhandled.acknowledge(count);
        }
    }
}

impl Unhandled {
    /// The next batch, which is given again until it is acknowledged.
    async fn next(&mut self, most: usize) -> Vec<Delivery> {
        loop {
            let room = most.saturating_sub(self.taken.len());
            if self.taken.is_empty() {
                self.take(most).await;
            } else if room > 0 && !self.queue.is_empty() {
                self.take(room).await;
            }
            // Their publisher sends them again, in their order.
            self.taken.retain(|waiting| !waiting.handled.is_closed());
            if !self.taken.is_empty() {
                break;
            }
        }
        let batch = self.taken.iter_mut().take(most);
        batch.map(Waiting::deliver).collect()
    }

    async fn take(&mut self, most: usize) {
        let mut fresh = Vec::with_capacity(most.min(MOST_WAITING));
        // Cancelled while it waits, it has taken nothing. It never ends: the sender lives as long as this.
        self.queue.recv_many(&mut fresh, most).await;
        self.taken.extend(fresh);
    }

    fn acknowledge(&mut self, count: usize) {
        for waiting in self.taken.drain(..count) {
            // A publisher that has given up sends it again.
            let _ = waiting.handled.send(());
        }
    }
}

impl Waiting {
    fn deliver(&mut self) -> Delivery {
        let delivery = self.delivery.clone();
        self.delivery.is_redelivered = true;
        delivery
    }
}
