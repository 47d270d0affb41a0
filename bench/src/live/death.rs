//! A gateway is killed while much happens: until all are back at another one, and what they missed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use muster_proto::muster::activity::v1 as pb;
use muster_testkit::eventually;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::server::Site;
use super::socket::Socket;
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::presence::session::Session;
use crate::sample::Sample;
use crate::scale::Scale;
use crate::table::thousands;

pub(super) const ABOUT: &str =
    "A gateway is killed while its users are told things: until all are back at another one";

/// Events a second, and of one call.
const PER_S: u64 = 1_000;
const BATCH: u64 = 10;
/// Sockets that are opened at one time.
const OPENING: usize = 512;
/// How long events flow before the death, and after all are back.
const BEFORE: Duration = Duration::from_secs(3);
const AFTERWARDS: Duration = Duration::from_secs(15);
const DEADLINE: Duration = Duration::from_secs(60);
const BACK_WITHIN_S: f64 = 5.0;

/// What the clients of a round have in common.
struct Shared {
    gateways: [String; 2],
    opening: Semaphore,
    /// Which gateway is the one to go to.
    current: watch::Receiver<usize>,
    /// Clients who have been live at the first gateway, and at the second.
    live: [AtomicU64; 2],
    received: AtomicU64,
    lost: AtomicU64,
    twice: AtomicU64,
    flaps: AtomicU64,
    /// The events have all been sent.
    is_over: AtomicBool,
}

/// What a round gives.
struct Measured {
    back_s: f64,
    lost: f64,
    twice: f64,
    flaps: f64,
}

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let users = scale.sockets() as u64;
    let mut rounds = Vec::new();
    for _ in 0..scale.rounds() {
        rounds.push(measure(users).await?);
    }
    let figure = |what: &str, unit, most, of: fn(&Measured) -> f64| {
        let sample = Sample::of(rounds.iter().map(of).collect())?;
        let what = format!(
            "{} sockets, 1,000 events a second: {what}",
            thousands(users)
        );
        Ok(Figure::new(what, unit, &sample).target(Target::AtMost(most)))
    };
    [
        figure("until the last is back", Unit::Time, BACK_WITHIN_S, |of| {
            of.back_s
        }),
        figure("events lost", Unit::Count, 0.0, |of| of.lost),
        figure("events told twice", Unit::Count, 0.0, |of| of.twice),
        figure("users told to be offline", Unit::Count, 0.0, |of| of.flaps),
    ]
    .into_iter()
    .collect()
}

async fn measure(users: u64) -> Result<Measured, Failure> {
    let mut site = Site::start(2).await;
    let (change, current) = watch::channel(0);
    let shared = Arc::new(Shared {
        gateways: [0, 1].map(|number: usize| site.gateways[number].addr()),
        opening: Semaphore::new(OPENING),
        current,
        live: Default::default(),
        received: AtomicU64::new(0),
        lost: AtomicU64::new(0),
        twice: AtomicU64::new(0),
        flaps: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
    });
    let mut clients = JoinSet::new();
    for user in 1..=users {
        clients.spawn(follow(Arc::clone(&shared), user));
    }
    reach(&shared.live[0], users).await;
    let names: Vec<String> = (1..=users).map(|user| user.to_string()).collect();
    let mut presence = Session::open(&site.presence.addr()).await?;
    presence.watch_online(&names).await?;
    clients.spawn(count_flaps(Arc::clone(&shared), presence));
    let sending = tokio::spawn(send(Arc::clone(&shared), site.events.clone(), users));
    sleep(BEFORE).await;
    site.gateways[0].process().sigkill();
    let start = Instant::now();
    change.send_replace(1);
    reach(&shared.live[1], users).await;
    let back = start.elapsed();
    sleep(AFTERWARDS).await;
    shared.is_over.store(true, Ordering::SeqCst);
    let sent = sending.await??;
    let count = |counted: &AtomicU64| counted.load(Ordering::SeqCst);
    reach_by(&shared.received, || sent - count(&shared.lost)).await;
    Ok(Measured {
        back_s: back.as_secs_f64(),
        lost: count(&shared.lost) as f64,
        twice: count(&shared.twice) as f64,
        flaps: count(&shared.flaps) as f64,
    })
}

async fn reach(counted: &AtomicU64, count: u64) {
    reach_by(counted, || count).await;
}

async fn reach_by(counted: &AtomicU64, count: impl Fn() -> u64) {
    eventually(DEADLINE, || async {
        (counted.load(Ordering::SeqCst) >= count()).then_some(())
    })
    .await;
}

/// Tells all users in turn, until it is over; how many events there were.
async fn send(
    shared: Arc<Shared>,
    mut events: super::server::Events,
    users: u64,
) -> Result<u64, Failure> {
    let mut ticks = interval(Duration::from_millis(1_000 * BATCH / PER_S));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut sent = 0;
    while !shared.is_over.load(Ordering::SeqCst) {
        ticks.tick().await;
        let batch = (sent..sent + BATCH).map(|number| event(number, users));
        let request = pb::AppendRequest {
            events: batch.collect(),
            expected_last_position: None,
        };
        events.append(request).await?;
        sent += BATCH;
    }
    Ok(sent)
}

/// An event as the bus brings it. The user counts their own.
fn event(number: u64, users: u64) -> pb::NewEvent {
    let (user, of_user) = (number % users + 1, number / users);
    let envelope = json!({
        "specversion": "1.0", "id": number.to_string(), "source": "muster/tasks",
        "type": "muster.tasks.task.completed", "subject": "task/1", "recipient": user.to_string(),
        "time": "2024-02-02T20:55:23.000Z",
        "data": {
            "message": "task 1 has been completed at Fri Feb 02 2024 20:55:23 GMT+0000 (Coordinated Universal Time)",
            "number": of_user,
        },
    });
    pb::NewEvent {
        topic: format!("user/{user}"),
        id: number.to_string(),
        message: envelope.to_string(),
        ..pb::NewEvent::default()
    }
}

/// Counts whoever is told to be offline.
async fn count_flaps(shared: Arc<Shared>, mut presence: Session) {
    while let Ok(users) = presence.changes().await {
        let flaps = users.iter().filter(|user| !user.online).count();
        shared.flaps.fetch_add(flaps as u64, Ordering::SeqCst);
    }
}

/// A client that comes back at its last cursor, wherever it is sent.
async fn follow(shared: Arc<Shared>, user: u64) {
    let mut client = Client {
        shared,
        user,
        after: String::new(),
        next: 0,
    };
    let mut current = client.shared.current.clone();
    loop {
        let gateway = *current.borrow_and_update();
        // It ends with the connection, whatever the reason.
        let _ended = client.follow(gateway).await;
        if gateway == 0 && *current.borrow() == 0 && current.changed().await.is_err() {
            return;
        }
    }
}

struct Client {
    shared: Arc<Shared>,
    user: u64,
    /// The last cursor.
    after: String,
    /// The number of the next event.
    next: u64,
}

impl Client {
    async fn follow(&mut self, gateway: usize) -> Result<(), Failure> {
        let mut socket = {
            let _turn = self.shared.opening.acquire().await?;
            let mut socket = Socket::open(&self.shared.gateways[gateway], "/ws").await?;
            let subscribe = json!({"type": "subscribe", "user_id": self.user, "after": self.after});
            socket.send(&subscribe.to_string()).await?;
            socket
        };
        loop {
            let frame = socket.next().await?;
            self.take(gateway, &frame)?;
        }
    }

    fn take(&mut self, gateway: usize, frame: &Bytes) -> Result<(), Failure> {
        let told: Value = serde_json::from_slice(frame)?;
        if let Some(cursor) = told["cursor"].as_str() {
            cursor.clone_into(&mut self.after);
        }
        let shared = &self.shared;
        match (told["type"].as_str(), told["number"].as_u64()) {
            (Some("live"), _) => {
                shared.live[gateway].fetch_add(1, Ordering::SeqCst);
            }
            (None, Some(number)) if number >= self.next => {
                shared.lost.fetch_add(number - self.next, Ordering::SeqCst);
                shared.received.fetch_add(1, Ordering::SeqCst);
                self.next = number + 1;
            }
            (None, Some(_)) => {
                shared.twice.fetch_add(1, Ordering::SeqCst);
            }
            _ => return Err(Failure::new(format!("told {told}"))),
        }
        Ok(())
    }
}
