//! A replica dies: until everybody elsewhere knows.

use std::time::{Duration, Instant};

use muster_testkit::Process;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::centrifugo::Centrifugo;
use super::cluster::Cluster;
use super::session::Session;
use super::wire::{Method, Stream, Wire};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::Sample;
use crate::scale::Scale;
use crate::table::thousands;

pub(super) const ABOUT: &str =
    "One of three replicas dies: until every monitor elsewhere is told that its users are offline";

const DEADLINE: Duration = Duration::from_secs(30);
/// Within which a user who is connected elsewhere would be told of as well, wrongly.
const AFTERWARDS: Duration = Duration::from_secs(3);
/// Centrifugo forgets a dead node's clients after a minute.
const PEER_DEADLINE: Duration = Duration::from_secs(120);
/// Every so many users are connected to another replica as well.
const ELSEWHERE: usize = 10;

/// How it dies.
#[derive(Debug, Clone, Copy)]
enum Death {
    /// Its sockets are closed by the kernel.
    Sigkill,
    /// Its sockets stay open, and nothing comes.
    Sigstop,
}

/// What was told of it.
struct Told {
    last: Duration,
    wrong: usize,
}

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let users = scale.bereft();
    let mut figures = Vec::new();
    let mut wrong = Vec::new();
    for (death, name, most_s) in [
        (Death::Sigkill, "SIGKILL", 1.0),
        (Death::Sigstop, "SIGSTOP", 5.0),
    ] {
        let mut last = Vec::new();
        for _ in 0..scale.rounds() {
            let told = muster(death, users).await?;
            last.push(told.last.as_secs_f64());
            wrong.push(told.wrong as f64);
        }
        let what = format!(
            "{name} with {} users: the last is told",
            thousands(users as u64)
        );
        let figure = Figure::new(what, Unit::Time, &Sample::of(last)?);
        figures.push(figure.target(Target::AtMost(most_s)));
    }
    // A minute and more, for a peer whose figure is known to be its time to live.
    if scale != Scale::Quick {
        let gone = Sample::of(vec![centrifugo(users).await?.as_secs_f64()])?;
        let first = figures
            .remove(0)
            .beside("Centrifugo, two nodes, its presence", &gone);
        figures.insert(0, first);
    }
    let wrong = Figure::new(
        "users told offline who are connected elsewhere, in all rounds",
        Unit::Count,
        &Sample::of(vec![wrong.iter().sum()])?,
    );
    figures.push(wrong.target(Target::AtMost(0.0)));
    Ok(figures)
}

fn user(number: usize) -> String {
    format!("user-{number}")
}

fn is_elsewhere(number: usize) -> bool {
    number.is_multiple_of(ELSEWHERE)
}

async fn muster(death: Death, users: usize) -> Result<Told, Failure> {
    let mut cluster = Cluster::start().await;
    let all: Vec<String> = (0..users).map(user).collect();
    let elsewhere: Vec<String> = (0..users)
        .filter(|of| is_elsewhere(*of))
        .map(user)
        .collect();
    let mut dying = cluster.session(0).await?;
    dying.connect(&all).await?;
    let mut other = cluster.session(1).await?;
    other.connect(&elsewhere).await?;

    let (tell, mut told) = unbounded_channel();
    let mut watching = JoinSet::new();
    for replica in [1, 2] {
        let mut session = cluster.session(replica).await?;
        session.watch_online(&all).await?;
        watching.spawn(watch(session, tell.clone()));
    }
    let mut monitors = Wire::connect(&cluster.addr(2)).await?;
    for (number, name) in all.iter().enumerate() {
        let mut monitor = monitors.open(Method::Monitor, name).await?;
        if !monitor.online().await? {
            return Err(Failure::new(format!("{name} is not online")));
        }
        watching.spawn(follow(monitor, number, tell.clone()));
    }

    let process = cluster.replicas[0].process();
    let start = Instant::now();
    kill(process, death);
    // By two sessions and a monitor each.
    let expected = 3 * (users - elsewhere.len());
    all_told(&mut told, start, expected).await
}

fn kill(process: &mut Process, death: Death) {
    match death {
        Death::Sigkill => process.sigkill(),
        Death::Sigstop => process.freeze(),
    }
}

/// Tells who goes offline.
async fn watch(mut session: Session, tell: UnboundedSender<(usize, Instant)>) {
    while let Ok(news) = session.changes().await {
        let now = Instant::now();
        for user in news.iter().filter(|user| !user.online) {
            let number = user.user.strip_prefix("user-");
            let number = number.and_then(|number| number.parse().ok());
            let _over = number.map(|number| tell.send((number, now)));
        }
    }
}

async fn follow(mut monitor: Stream, number: usize, tell: UnboundedSender<(usize, Instant)>) {
    while let Ok(online) = monitor.online().await {
        if !online {
            let _over = tell.send((number, Instant::now()));
        }
    }
}

/// Waits until that many were told rightly, and counts for a while longer who was told wrongly.
async fn all_told(
    told: &mut UnboundedReceiver<(usize, Instant)>,
    start: Instant,
    expected: usize,
) -> Result<Told, Failure> {
    let (mut last, mut right, mut wrong) = (start, 0, 0);
    let mut patience = DEADLINE;
    while let Ok(Some((number, at))) = timeout(patience, told.recv()).await {
        if is_elsewhere(number) {
            wrong += 1;
            continue;
        }
        right += 1;
        last = last.max(at);
        if right == expected {
            patience = AFTERWARDS;
        }
    }
    Failure::unless_all(right as u64, expected as u64)?;
    Ok(Told {
        last: last - start,
        wrong,
    })
}

/// Until a node knows of none of the clients of one that was killed.
async fn centrifugo(users: usize) -> Result<Duration, Failure> {
    const ROOM: &str = "quiet:room";
    let mut centrifugo = Centrifugo::start().await?;
    let mut dying = Vec::new();
    for _ in 0..users {
        let mut client = centrifugo.client(0).await?;
        client.subscribe(ROOM).await?;
        dying.push(client);
    }
    let mut watching = centrifugo.client(1).await?;
    watching.subscribe(ROOM).await?;
    Failure::unless_all(watching.present(ROOM).await?, users as u64 + 1)?;
    let start = Instant::now();
    centrifugo.nodes[0].sigkill();
    let gone = async {
        while watching.present(ROOM).await? > 1 {}
        Ok::<_, Failure>(start.elapsed())
    };
    timeout(PEER_DEADLINE, gone).await?
}
