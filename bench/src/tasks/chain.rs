//! From the PATCH to the frame.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_testkit::{MariaDb, RabbitMq, Service};
use tokio::sync::{Mutex, mpsc};

use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::{Sample, percentile};
use crate::scale::Scale;
use crate::tasks::bare;
use crate::tasks::broker::Publisher;
use crate::tasks::pace::{rate, steadily};
use crate::tasks::rest::Rest;
use crate::tasks::site::{Tasks, USER};
use crate::tasks::socket::Socket;

pub(super) const ABOUT: &str =
    "PATCH to WebSocket frame, over MariaDB and RabbitMQ: 500 completed tasks a second";

/// Each second.
const COMPLETED: u64 = 500;
/// Those of the first second meet connections that are not made yet: they do not count.
const WARM_UP: usize = COMPLETED as usize;
const SLOWEST_S: f64 = 0.020;
const SHARES: [(f64, &str); 2] = [(0.99, "p99"), (0.5, "median")];
const PEER: &str = "commit, then confirm";

/// One figure of each round, for each share.
#[derive(Default)]
struct Times([Vec<f64>; 2]);

impl Times {
    fn add(&mut self, mut times: Vec<Duration>) {
        for ((share, _), figures) in SHARES.iter().zip(&mut self.0) {
            figures.push(percentile(&mut times, *share).as_secs_f64());
        }
    }
}

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = WARM_UP as u64 + COMPLETED * scale.completed_s();
    let (mut ours, mut peers, mut rates) = (Times::default(), Times::default(), Vec::new());
    for _ in 0..scale.rounds() {
        let (times, rate) = muster(count).await?;
        ours.add(times);
        rates.push(rate);
        peers.add(bare_chain(count as usize).await?);
    }
    let mut figures = Vec::new();
    for (((_, name), ours), peers) in SHARES.iter().zip(ours.0).zip(peers.0) {
        let what = format!("from PATCH to frame: {name}");
        let figure = Figure::new(what, Unit::Time, &Sample::of(ours)?);
        let figure = figure.beside(PEER, &Sample::of(peers)?);
        figures.push(match *name {
            "p99" => figure.target(Target::AtMost(SLOWEST_S)),
            _ => figure,
        });
    }
    // Slower than that, and the times would say nothing.
    let rates = Figure::new("completed meanwhile", Unit::PerSecond, &Sample::of(rates)?);
    figures.push(rates.target(Target::AtLeast(0.99 * COMPLETED as f64)));
    Ok(figures)
}

/// The whole suite that a completed task meets on its way.
struct Site {
    tasks: Tasks,
    gateway: Service,
    _activity: Service,
    _presence: Service,
    _broker: RabbitMq,
    _database: MariaDb,
}

impl Site {
    async fn start() -> Site {
        let (database, broker) = tokio::join!(MariaDb::start(), RabbitMq::start());
        let tasks = Tasks::on_mariadb(&database, "tasks", Some(&broker)).await;
        let activity = Service::start("muster-activity", &[]).await;
        let presence = Service::start("muster-presence", &[]).await;
        let peers = format!("activity={},presence={}", activity.addr(), presence.addr());
        let args = ["--static", &peers, "--bus", &broker.url()];
        Site {
            tasks,
            gateway: Service::start("muster-gateway", &args).await,
            _activity: activity,
            _presence: presence,
            _broker: broker,
            _database: database,
        }
    }
}

/// How long each task took, and how many were completed in a second.
async fn muster(count: u64) -> Result<(Vec<Duration>, f64), Failure> {
    let site = Site::start().await;
    site.tasks.create_all(count).await?;
    let ids: Arc<[i64]> = site.tasks.ids().await?.into();
    Failure::unless_all(ids.len() as u64, count)?;
    let socket = Socket::subscribe(&site.gateway.addr(), USER).await?;
    let told = tokio::spawn(socket.told(ids.len()));
    let rest = Rest::connect(&site.tasks.addr()).await?;
    let complete = |number: usize| {
        let (rest, id) = (rest.clone(), ids[number]);
        async move { rest.complete(id).await }
    };
    let begun = steadily(ids.len(), COMPLETED, complete).await?;
    let begins = ids.iter().copied().zip(begun.iter().copied());
    let begin_of: HashMap<i64, Instant> = begins.skip(WARM_UP).collect();
    let mut times = Vec::new();
    for (id, at) in told.await?? {
        times.extend(begin_of.get(&id).map(|begin| at.duration_since(*begin)));
    }
    Failure::unless_all(times.len() as u64, begin_of.len() as u64)?;
    Ok((times, rate(&begun)))
}

/// The least that a chain can do.
async fn bare_chain(count: usize) -> Result<Vec<Duration>, Failure> {
    let (database, broker) = tokio::join!(MariaDb::start(), RabbitMq::start());
    let publisher = Arc::new(Publisher::to(&broker).await?);
    let connections = bare::connections(&database, "bare").await?;
    let connections: Arc<[_]> = connections.into_iter().map(Mutex::new).collect();
    let (sender, mut done) = mpsc::unbounded_channel();
    let step = |number: usize| {
        let (publisher, connections) = (publisher.clone(), connections.clone());
        let (sender, begin) = (sender.clone(), Instant::now());
        async move {
            let mut connection = connections[number % connections.len()].lock().await;
            bare::insert(&mut connection).await?;
            drop(connection);
            publisher.publish().await?;
            // Its receiver waits for all of them.
            let _taken = sender.send((number, begin.elapsed()));
            Ok(())
        }
    };
    steadily(count, COMPLETED, step).await?;
    drop(sender);
    let mut times = Vec::with_capacity(count);
    while let Some((number, took)) = done.recv().await {
        times.extend((number >= WARM_UP).then_some(took));
    }
    Ok(times)
}
