//! From a device on one replica to a monitor on another.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::centrifugo::{Centrifugo, Client};
use super::changes::Changes;
use super::cluster::Cluster;
use super::wire::{Method, Stream, Wire};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::{Sample, percentile};
use crate::scale::Scale;

pub(super) const ABOUT: &str =
    "Connect on one of three replicas, Monitor on another: 1,000 users, 2,000 changes a second";

const USERS: usize = 1_000;
const CHANGES_PER_S: usize = 2_000;
const SLOWEST: f64 = 10e-3;
const DEADLINE: Duration = Duration::from_secs(60);
/// Connections on either side of Centrifugo, which limits the channels of one.
const CLIENTS: usize = 10;

/// Shares of the delays that are told, and what they are called.
const SHARES: [(f64, &str); 3] = [(0.99, "p99"), (0.5, "median"), (1.0, "the slowest")];

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    // Each user changes twice a second.
    let rounds = scale.propagated_s() * CHANGES_PER_S / USERS;
    let (mut ours, mut its) = (Delays::default(), Delays::default());
    for _ in 0..scale.rounds() {
        ours.add(muster(rounds).await?);
        its.add(centrifugo(rounds).await?);
    }
    let figure = |number: usize| {
        let (share, name) = SHARES[number];
        let (ours, its) = (ours.sample(number)?, its.sample(number)?);
        let figure = Figure::new(format!("until it is told: {name}"), Unit::Time, &ours);
        let figure = figure.beside("Centrifugo, two nodes, join or leave", &its);
        Ok(match share == 0.99 {
            true => figure.target(Target::AtMost(SLOWEST)),
            false => figure,
        })
    };
    (0..SHARES.len()).map(figure).collect()
}

/// One figure of each round for each share.
#[derive(Default)]
struct Delays([Vec<f64>; 3]);

impl Delays {
    fn add(&mut self, mut delays: Vec<Duration>) {
        for ((share, _), figures) in SHARES.iter().zip(&mut self.0) {
            figures.push(percentile(&mut delays, *share).as_secs_f64());
        }
    }

    fn sample(&self, number: usize) -> Result<Sample, Failure> {
        Sample::of(self.0[number].clone())
    }
}

/// All delays of the told, who must all have been.
async fn gathered(
    mut told: JoinSet<Result<Vec<Duration>, Failure>>,
    expected: usize,
) -> Result<Vec<Duration>, Failure> {
    let mut delays = Vec::new();
    while let Some(ended) = timeout(DEADLINE, told.join_next()).await? {
        delays.extend(ended??);
    }
    Failure::unless_all(delays.len() as u64, expected as u64)?;
    Ok(delays)
}

fn user(number: usize) -> String {
    format!("user-{number}")
}

async fn muster(rounds: usize) -> Result<Vec<Duration>, Failure> {
    let cluster = Cluster::start().await;
    let mut devices = Wire::connect(&cluster.addr(0)).await?;
    let mut monitors = Wire::connect(&cluster.addr(1)).await?;
    let changes = Changes::of(USERS);
    let mut told = JoinSet::new();
    for number in 0..USERS {
        let mut monitor = monitors.open(Method::Monitor, &user(number)).await?;
        monitor.online().await?;
        told.spawn(follow(monitor, changes.clone(), number, rounds));
    }
    let mut open = [const { None }; USERS];
    let made = changes.make(rounds, CHANGES_PER_S, async |number| {
        // Dropping it cancels it.
        open[number] = match open[number].take() {
            Some(_) => None,
            None => Some(devices.call(Method::Connect, &user(number))?),
        };
        Ok(())
    });
    made.await?;
    gathered(told, rounds * USERS).await
}

async fn follow(
    mut monitor: Stream,
    changes: Changes,
    number: usize,
    rounds: usize,
) -> Result<Vec<Duration>, Failure> {
    let mut delays = Vec::with_capacity(rounds);
    for round in 0..rounds {
        let online = monitor.online().await?;
        delays.push(changes.since(number));
        if online != (round % 2 == 0) {
            return Err(Failure::new("a monitor was told the contrary"));
        }
    }
    Ok(delays)
}

/// The same as joins and leaves, each user being a channel.
async fn centrifugo(rounds: usize) -> Result<Vec<Duration>, Failure> {
    let centrifugo = Centrifugo::start().await?;
    let changes = Changes::of(USERS);
    let (mut joining, mut told, mut drained) = (Vec::new(), JoinSet::new(), JoinSet::new());
    for hand in 0..CLIENTS {
        let (sending, receiving) = centrifugo.client(0).await?.split();
        joining.push(sending);
        drained.spawn(receiving.drain());
        let mut watching = centrifugo.client(1).await?;
        for number in (hand..USERS).step_by(CLIENTS) {
            watching.subscribe(&user(number)).await?;
        }
        let count = rounds * USERS / CLIENTS;
        told.spawn(listen(watching, changes.clone(), count));
    }
    let mut joined = [false; USERS];
    let made = changes.make(rounds, CHANGES_PER_S, async |number| {
        let client = &mut joining[number % CLIENTS];
        joined[number] = !joined[number];
        match joined[number] {
            true => client.join(&user(number)).await,
            false => client.leave(&user(number)).await,
        }
    });
    made.await?;
    gathered(told, rounds * USERS).await
}

async fn listen(
    mut client: Client,
    changes: Changes,
    count: usize,
) -> Result<Vec<Duration>, Failure> {
    let mut delays = Vec::with_capacity(count);
    while delays.len() < count {
        let channel = client.joined_or_left().await?;
        let number = channel.strip_prefix("user-").and_then(|it| it.parse().ok());
        let number: usize = number.ok_or_else(|| Failure::new("a channel of nobody"))?;
        delays.push(changes.since(number));
    }
    Ok(delays)
}
