//! Many users online: what each costs on each replica, and how a replica that knows nobody catches up.

use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::cluster::Cluster;
use super::session::Session;
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::Sample;
use crate::scale::Scale;
use crate::table::thousands;

pub(super) const ABOUT: &str =
    "Many users online over three replicas, 50,000 on each Session stream";

const USERS_PER_SESSION: usize = 50_000;
const MOST_RESIDENT: f64 = 120.0;
const SLOWEST_S: f64 = 3.0;
/// Of the users of the other replicas, so many are watched while one starts again.
const WATCHED: usize = 10_000;
/// Within which somebody who was wrongly told offline would be.
const AFTERWARDS: Duration = Duration::from_secs(3);

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let users = scale.online();
    let mut cluster = Cluster::start().await;
    let before = resident(&mut cluster);
    let sessions = connect_all(&cluster, users).await?;
    let survivors: Vec<String> = (0..WATCHED)
        .map(|number| user(number % 2, number))
        .collect();
    let mut watching = cluster.session(0).await?;
    watching.watch_online(&survivors).await?;
    let mut last = cluster.session(2).await?;
    last.watch_online(&survivors).await?;
    let after = resident(&mut cluster);
    let per_user = after
        .iter()
        .zip(before)
        .map(|(after, before)| after.saturating_sub(before) as f64 / users as f64);
    let per_user = Sample::of(per_user.collect())?;

    drop(last);
    let start = Instant::now();
    cluster.replicas[2].restart().await;
    let ready = start.elapsed();
    let mut cold = cluster.session(2).await?;
    let online = cold.watch(&survivors).await?;
    let wrong =
        survivors.len() - online + offline(&mut cold).await? + offline(&mut watching).await?;
    drop(sessions);

    let online = format!("{} users online", thousands(users as u64));
    Ok(vec![
        Figure::new(
            format!("{online}: resident for each, by replica"),
            Unit::Bytes,
            &per_user,
        )
        .target(Target::AtMost(MOST_RESIDENT)),
        Figure::new(
            format!("{online}: kill -9, start to SERVING"),
            Unit::Time,
            &Sample::of(vec![ready.as_secs_f64()])?,
        )
        .target(Target::AtMost(SLOWEST_S)),
        Figure::new(
            "of 10,000 who stayed, told offline there or elsewhere meanwhile",
            Unit::Count,
            &Sample::of(vec![wrong as f64])?,
        )
        .target(Target::AtMost(0.0)),
    ])
}

fn resident(cluster: &mut Cluster) -> [u64; 3] {
    cluster
        .replicas
        .each_mut()
        .map(|replica| replica.process().resident_bytes())
}

fn user(replica: usize, number: usize) -> String {
    format!("user-{replica}-{number:07}")
}

/// Brings a third of the users online on each replica.
async fn connect_all(cluster: &Cluster, users: usize) -> Result<Vec<Session>, Failure> {
    let mut sessions = Vec::new();
    for replica in 0..3 {
        let all: Vec<String> = (0..users / 3).map(|number| user(replica, number)).collect();
        for users in all.chunks(USERS_PER_SESSION) {
            let mut session = cluster.session(replica).await?;
            session.connect(users).await?;
            sessions.push(session);
        }
    }
    Ok(sessions)
}

/// How many were told offline, until nothing is told for a while.
async fn offline(session: &mut Session) -> Result<usize, Failure> {
    let mut offline = 0;
    while let Ok(news) = timeout(AFTERWARDS, session.changes()).await {
        offline += news?.iter().filter(|user| !user.online).count();
    }
    Ok(offline)
}
