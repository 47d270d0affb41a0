//! The compatibility contract holds for one replica and across three.

use crate::client::{Told, Watcher, connect};
use crate::cluster::Cluster;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds_against_one_replica() {
    holds_across(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_holds_across_three_replicas() {
    holds_across(3).await;
}

async fn holds_across(count: usize) {
    let cluster = Cluster::of(count).await;
    let names = ["Albert".to_owned(), "Fence".to_owned()];
    let mut watchers = Vec::new();
    for replica in 0..count {
        watchers.push(Watcher::by_monitors(&cluster.addr(replica), &names).await);
    }
    let told: Vec<Told> = watchers
        .iter()
        .map(|watcher| watcher.told.clone())
        .collect();
    let all = |online| each(&told, &names[..1], online);
    all(false).await;

    let phone = connect(&cluster.addr(0), "Albert").await;
    all(true).await;
    // Other devices are silent, on the same replica and on others.
    let laptop = connect(&cluster.addr(0), "Albert").await;
    let tablet = connect(&cluster.addr(count - 1), "Albert").await;
    // The tablet is known everywhere before the others go.
    pass_fence(&cluster, &told, &names[1..]).await;
    drop(phone);
    drop(laptop);
    pass_fence(&cluster, &told, &names[1..]).await;
    drop(tablet);
    all(false).await;
    for told in &told {
        assert_eq!(told.of("Albert"), [false, true, false]);
    }
}

async fn each(told: &[Told], names: &[String], online: bool) {
    for told in told {
        told.until(names, online).await;
    }
}

/// By the time that everybody has seen another user come and go on each replica, they have seen all that was before.
async fn pass_fence(cluster: &Cluster, told: &[Told], fence: &[String]) {
    for replica in 0..cluster.replicas.len() {
        let device = connect(&cluster.addr(replica), &fence[0]).await;
        each(told, fence, true).await;
        drop(device);
        each(told, fence, false).await;
    }
}
