//! A replica is killed, or stops in its tracks.

use std::future::ready;
use std::time::Duration;

use muster_testkit::measured;

use crate::client::{Online, Watcher, connect, names};
use crate::cluster::Cluster;

const KILLED: Duration = Duration::from_secs(1);
const SILENT: Duration = Duration::from_secs(5);
const USERS: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_replica_is_killed_everybody_else_is_told_of_its_users_alone() {
    let mut cluster = Cluster::of(3).await;
    let (gone, everywhere) = (names("gone", USERS), names("everywhere", 100));
    let _on_a = Online::keep(&cluster.addr(0), &gone, 0).await;
    let _also_on_a = Online::keep(&cluster.addr(0), &everywhere, 0).await;
    let _on_b = Online::keep(&cluster.addr(1), &everywhere, 0).await;
    let lost = [connect(&cluster.addr(0), "Albert").await];
    let watched = [gone.clone(), everywhere.clone(), vec!["Albert".to_owned()]].concat();
    let b = Watcher::by_session(&cluster.addr(1), &watched).await;
    let c = Watcher::by_session(&cluster.addr(2), &watched).await;
    let monitors = Watcher::by_monitors(&cluster.addr(2), &watched[USERS..]).await;
    for told in [&b.told, &c.told] {
        told.until(&watched, true).await;
    }
    monitors.told.until(&watched[USERS..], true).await;
    let before = [&b, &c, &monitors].map(|watcher| watcher.told.count(&everywhere));

    cluster.replicas[0].process().sigkill();
    let what = format!("presence: a replica with {USERS} users is killed, and everybody told");
    measured(&what, KILLED, || {
        let gone = b.told.are(&gone, false).and(c.told.are(&gone, false));
        let albert = monitors.told.are(&["Albert".to_owned()], false);
        ready(gone.and(albert))
    })
    .await;
    drop(lost);
    let after = [&b, &c, &monitors].map(|watcher| watcher.told.count(&everywhere));
    assert_eq!(
        before, after,
        "messages of users who are connected elsewhere"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_replica_stops_in_its_tracks_its_users_are_offline_until_it_goes_on() {
    let mut cluster = Cluster::of(3).await;
    let (stopped, everywhere) = (names("stopped", 100), names("everywhere", 100));
    let all = [stopped.clone(), everywhere.clone()].concat();
    let _on_a = Online::keep(&cluster.addr(0), &all, 0).await;
    let _on_b = Online::keep(&cluster.addr(1), &everywhere, 0).await;
    let _on_c = Online::keep(&cluster.addr(2), &names("other", 100), 0).await;
    let watched = [all.clone(), names("other", 100)].concat();
    let mut watchers = Vec::new();
    for replica in 0..3 {
        watchers.push(Watcher::by_session(&cluster.addr(replica), &watched).await);
    }
    let [a, b, c] = &watchers[..] else {
        unreachable!("there are three")
    };
    for watcher in &watchers {
        watcher.told.until(&watched, true).await;
    }
    let before = [b, c].map(|watcher| watcher.told.count(&everywhere));
    let before_on_a = a.told.count(&watched);

    cluster.replicas[0].process().freeze();
    measured(
        "presence: a replica is stopped, and everybody told",
        SILENT,
        || ready(b.told.are(&stopped, false).and(c.told.are(&stopped, false))),
    )
    .await;
    cluster.replicas[0].process().resume();
    measured(
        "presence: it goes on, and everybody is told",
        SILENT,
        || ready(b.told.are(&stopped, true).and(c.told.are(&stopped, true))),
    )
    .await;
    let after = [b, c].map(|watcher| watcher.told.count(&everywhere));
    assert_eq!(
        before, after,
        "messages of users who are connected elsewhere"
    );
    let _fence = Online::keep(&cluster.addr(1), &names("fence", 1), 0).await;
    let fence = Watcher::by_session(&cluster.addr(0), &names("fence", 1)).await;
    fence.told.until(&names("fence", 1), true).await;
    assert_eq!(
        before_on_a,
        a.told.count(&watched),
        "what the stopped one accused others of"
    );
}
