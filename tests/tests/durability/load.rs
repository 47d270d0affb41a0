//! Many clients that do all that clients do, until the service is gone.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{Stream, stream};
use muster_proto::compat::activity::EventRequest;
use muster_proto::muster::activity::v1 as pb;
use muster_testkit::Dice;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tonic::Status;

use crate::client::{Client, positions, timed};
use crate::events;
use crate::ledger::{Acked, GIVEN, GIVEN_MESSAGE};

const CREATE: usize = 8;
const APPEND: usize = 3;
const STREAM: usize = 1;
/// One in so many events is sent for the second time.
const REPEATED: usize = 5;
const BATCH_EVENTS: usize = 60;
const PIPELINED: usize = 4;

/// What the clients share.
#[derive(Debug)]
struct Shared {
    /// Half of the next number.
    next: Arc<AtomicU64>,
    acked: Mutex<Vec<Acked>>,
    count: watch::Sender<usize>,
    is_over: AtomicBool,
}

/// Clients at work.
pub(crate) struct Load {
    shared: Arc<Shared>,
    clients: JoinSet<Result<(), Status>>,
}

impl Load {
    /// Begins with the numbers behind `next`, which counts on.
    pub(crate) fn start(addr: &str, next: &Arc<AtomicU64>, dice: &mut Dice) -> Load {
        let shared = Arc::new(Shared {
            next: Arc::clone(next),
            acked: Mutex::default(),
            count: watch::Sender::new(0),
            is_over: AtomicBool::new(false),
        });
        let mut clients = JoinSet::new();
        let connections = [Client::of(addr), Client::of(addr)];
        for index in 0..CREATE + APPEND + STREAM {
            let caller = Caller {
                client: connections[index % connections.len()].clone(),
                dice: Dice::new(dice.number()),
                shared: Arc::clone(&shared),
            };
            match index {
                0..CREATE => clients.spawn(caller.create()),
                _ if index < CREATE + APPEND => clients.spawn(caller.append()),
                _ => clients.spawn(caller.stream()),
            };
        }
        Load { shared, clients }
    }

    /// Waits until so many events are acknowledged.
    ///
    /// # Panics
    /// When a client failed meanwhile.
    pub(crate) async fn acked(&mut self, count: usize) {
        let mut counted = self.shared.count.subscribe();
        tokio::select! {
            enough = counted.wait_for(|counted| *counted >= count) => drop(enough.unwrap()),
            ended = self.clients.join_next() => panic!("a client ended: {ended:?}"),
        }
    }

    /// Says that the service may end from now on.
    pub(crate) fn may_fail(&self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
    }

    /// What was acknowledged, once all clients have noticed that the service is gone.
    pub(crate) async fn end(mut self) -> Vec<Acked> {
        while let Some(ended) = self.clients.join_next().await {
            if let Err(status) = ended.unwrap() {
                let is_over = self.shared.is_over.load(Ordering::SeqCst);
                assert!(is_over, "a client failed too early: {status}");
            }
        }
        std::mem::take(&mut *self.shared.acked.lock().unwrap())
    }
}

/// One of the clients.
struct Caller {
    client: Client,
    dice: Dice,
    shared: Arc<Shared>,
}

impl Caller {
    /// Creates events one after the other.
    async fn create(mut self) -> Result<(), Status> {
        loop {
            if self.dice.once_in(8) {
                let id = self.client.create(given()).await?;
                self.shared.tell([Acked::Given(id)]);
            } else {
                let number = self.number(0);
                self.client.create(events::compat(number)).await?;
                self.shared.tell([Acked::Event(number, None)]);
            }
        }
    }

    /// Appends batches one after the other.
    async fn append(mut self) -> Result<(), Status> {
        loop {
            let (numbers, events) = self.batch();
            let positions = self.client.append(events).await?;
            self.shared.tell(acked(numbers, positions));
        }
    }

    /// Appends batches without waiting for each answer.
    async fn stream(self) -> Result<(), Status> {
        let (sent, mut sent_before) = mpsc::channel(PIPELINED);
        let mut v1 = self.client.v1.clone();
        let shared = Arc::clone(&self.shared);
        let answers = v1.append_stream(timed(self.requests(sent))).await?;
        let mut answers = answers.into_inner();
        while let Some(answer) = answers.message().await? {
            let numbers: Vec<u64> = sent_before.recv().await.expect("answers are to requests");
            shared.tell(acked(numbers, positions(&answer.results)));
        }
        Err(Status::cancelled("the stream ended"))
    }

    /// Requests without end; the numbers of each are `sent`, which bounds how many are on the way.
    fn requests(
        self,
        sent: mpsc::Sender<Vec<u64>>,
    ) -> impl Stream<Item = pb::AppendStreamRequest> + use<> {
        stream::unfold((self, sent), |(mut caller, sent)| async {
            let (numbers, events) = caller.batch();
            sent.send(numbers).await.ok()?;
            let request = pb::AppendStreamRequest {
                events,
                expected_last_position: None,
            };
            Some((request, (caller, sent)))
        })
    }

    fn batch(&mut self) -> (Vec<u64>, Vec<pb::NewEvent>) {
        let numbers = (0..self.dice.within(1..BATCH_EVENTS)).map(|_| self.number(1));
        let numbers: Vec<u64> = numbers.collect();
        let events = numbers.iter().copied().map(events::new).collect();
        (numbers, events)
    }

    /// A new number, even or odd, or one that may have been sent before.
    fn number(&mut self, odd: u64) -> u64 {
        let next = self.shared.next.load(Ordering::Relaxed);
        if next > 1 && self.dice.once_in(REPEATED) {
            // Not 0: as an id that one asks the store for another.
            self.dice.within(1..next as usize) as u64 * 2 + odd
        } else {
            self.shared.next.fetch_add(1, Ordering::Relaxed) * 2 + odd
        }
    }
}

impl Shared {
    fn tell(&self, acked: impl IntoIterator<Item = Acked>) {
        let mut all = self.acked.lock().unwrap();
        all.extend(acked);
        self.count.send_replace(all.len());
    }
}

fn acked(numbers: Vec<u64>, positions: Vec<i64>) -> impl Iterator<Item = Acked> {
    assert_eq!(numbers.len(), positions.len());
    let pairs = numbers.into_iter().zip(positions);
    pairs.map(|(number, position)| Acked::Event(number, Some(position)))
}

/// An event to which the store gives its id.
fn given() -> EventRequest {
    EventRequest {
        deployment_id: GIVEN,
        message: GIVEN_MESSAGE.to_owned(),
        ..EventRequest::default()
    }
}
