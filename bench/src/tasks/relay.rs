//! From the outbox to the broker.

use std::time::{Duration, Instant};

use muster_testkit::{MariaDb, RabbitMq, eventually, get};

use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::scale::Scale;
use crate::tasks::broker::Publisher;
use crate::tasks::site::Tasks;
use crate::workload::in_turn;

pub(super) const ABOUT: &str = "Relay: completed tasks from MariaDB to RabbitMQ, two messages each";

const LEAST: f64 = 3_000.0;
const DEADLINE: Duration = Duration::from_secs(120);
/// Of each task.
const MESSAGES: u64 = 2;

#[derive(Clone, Copy)]
enum Subject {
    Relay,
    Publisher,
}

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = scale.waiting();
    let measure = async |subject| match subject {
        Subject::Relay => relay(count).await,
        Subject::Publisher => publisher(count * MESSAGES).await,
    };
    let subjects = [Subject::Relay, Subject::Publisher];
    let [relay, publisher] = in_turn(scale.rounds(), subjects, measure).await?;
    Ok(vec![
        Figure::new("confirmed messages", Unit::PerSecond, &relay)
            .beside("plain publisher with confirms", &publisher)
            .target(Target::AtLeast(LEAST)),
    ])
}

async fn relay(count: u64) -> Result<f64, Failure> {
    let (database, broker) = tokio::join!(MariaDb::start(), RabbitMq::start());
    let mut tasks = Tasks::on_mariadb(&database, "tasks", None).await;
    tasks.create_all(count).await?;
    tasks.complete_all().await?;
    tasks.service.process().sigkill();

    let tasks = Tasks::on_mariadb(&database, "tasks", Some(&broker)).await;
    let first = eventually(DEADLINE, || relayed(&tasks, 1)).await;
    let begin = Instant::now();
    let all = eventually(DEADLINE, || relayed(&tasks, count)).await;
    Failure::unless_all(all, count)?;
    Ok(((all - first) * MESSAGES) as f64 / begin.elapsed().as_secs_f64())
}

async fn publisher(count: u64) -> Result<f64, Failure> {
    let broker = RabbitMq::start().await;
    Publisher::to(&broker).await?.rate(count).await
}

/// How many tasks it has sent, once it is as many as that.
async fn relayed(tasks: &Tasks, least: u64) -> Option<u64> {
    let (_, metrics) = get(&tasks.service.addr_of("admin"), "/metrics").await?;
    let mut lines = metrics.lines();
    let relayed = lines.find_map(|line| line.strip_prefix("tasks_relayed_total "))?;
    relayed.parse().ok().filter(|relayed| *relayed >= least)
}
