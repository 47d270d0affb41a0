//! etcd goes away, or loses everything.

use std::time::{Duration, Instant};

use muster_testkit::eventually;

use crate::client::{Online, SOON, Told, Watcher, names};
use crate::cluster::{Cluster, knows};

/// After that registrations are gone that nobody renewed.
const EXPIRED: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_changes_while_etcd_is_away_or_when_it_comes_back_empty() {
    let mut cluster = Cluster::of(3).await;
    let users = names("user", 100);
    let _online = Online::keep(&cluster.addr(0), &users, 0).await;
    let watched = [users.clone(), names("fence", 1)].concat();
    let mut watchers = Vec::new();
    for replica in 0..3 {
        watchers.push(Watcher::by_session(&cluster.addr(replica), &watched).await);
    }
    let told: Vec<Told> = watchers
        .iter()
        .map(|watcher| watcher.told.clone())
        .collect();
    for told in &told {
        told.until(&users, true).await;
    }
    let before: Vec<usize> = told.iter().map(|told| told.count(&users)).collect();
    let unchanged = async |cluster: &Cluster| {
        pass_fence(cluster, &told).await;
        let after: Vec<usize> = told.iter().map(|told| told.count(&users)).collect();
        assert_eq!(before, after);
    };

    cluster.etcd.kill();
    pass(EXPIRED).await;
    unchanged(&cluster).await;
    cluster.etcd.restart_empty().await;
    eventually(SOON, || async {
        let listed = cluster.etcd.get_prefix("/services/presence/").await;
        (listed.len() == 3).then_some(())
    })
    .await;
    pass(EXPIRED).await;
    unchanged(&cluster).await;
    for replica in 0..3 {
        knows(&cluster.addr(replica), 3).await;
    }
}

/// Lets time pass in which something might happen that must not.
async fn pass(time: Duration) {
    let start = Instant::now();
    let is_over = || std::future::ready((start.elapsed() >= time).then_some(()));
    eventually(2 * time, is_over).await;
}

/// Somebody comes and goes on each replica, and all see it: there is nothing before that they have not seen.
async fn pass_fence(cluster: &Cluster, told: &[Told]) {
    let fence = names("fence", 1);
    for replica in 0..3 {
        let online = Online::keep(&cluster.addr(replica), &fence, 0).await;
        for told in told {
            told.until(&fence, true).await;
        }
        drop(online);
        for told in told {
            told.until(&fence, false).await;
        }
    }
}
