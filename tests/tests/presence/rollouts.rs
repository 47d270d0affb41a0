//! Replicas come, stop and start again.

use std::net::TcpListener;

use muster_proto::muster::presence::v1 as pb;
use muster_testkit::get;

use crate::client::{Online, SOON, Watcher, connect, names, v1};
use crate::cluster::{Cluster, knows};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_replica_serves_when_it_knows_what_the_others_know() {
    let cluster = Cluster::of(2).await;
    let users = names("user", 500);
    let _online = Online::keep(&cluster.addr(0), &users, 0).await;
    // A member that takes calls and answers none keeps the new one waiting for a second.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    for (key, value) in registration(&addr) {
        cluster.etcd.put(&key, &value).await;
    }
    let new = cluster.launch().await;
    let (status, why) = get(&new.addr_of("admin"), "/readyz").await.unwrap();
    assert_eq!(status, 503, "{why}");
    new.wait_ready().await;
    let request = pb::GetPresenceRequest {
        users: users.clone(),
    };
    let answer = v1(&new.addr()).get_presence(request).await.unwrap();
    let told = answer.into_inner().users.into_iter();
    assert_eq!(told.filter(|user| user.online).count(), users.len());
}

/// What stands in etcd for a replica at an address.
fn registration(addr: &str) -> [(String, String); 2] {
    let raw = format!("/services/presence/{addr}");
    let resolver = format!("services/presence/{addr}");
    let value = format!(r#"{{"Op":0,"Addr":"{addr}"}}"#);
    [(raw, addr.to_owned()), (resolver, value)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_replica_that_stops_are_online_throughout_if_they_reconnect_elsewhere() {
    let mut cluster = Cluster::of(3).await;
    let (a, b) = (cluster.addr(0), cluster.addr(1));
    let watched = ["moves".to_owned(), "goes".to_owned()];
    let mut moves = connect(&a, "moves").await;
    let mut goes = connect(&a, "goes").await;
    let mut watchers = Vec::new();
    for replica in 1..3 {
        watchers.push(Watcher::by_session(&cluster.addr(replica), &watched).await);
        watchers.push(Watcher::by_monitors(&cluster.addr(replica), &watched).await);
    }
    for watcher in &watchers {
        watcher.told.until(&watched, true).await;
    }
    let before: Vec<usize> = watchers
        .iter()
        .map(|watcher| watcher.told.count(&watched))
        .collect();

    cluster.replicas[0].process().sigterm();
    for stream in [&mut moves, &mut goes] {
        assert!(stream.message().await.is_err(), "the stop ends the stream");
    }
    let _moved = connect(&b, "moves").await;
    assert!(
        cluster.replicas[0]
            .process()
            .wait_exit(SOON)
            .await
            .success()
    );
    for (watcher, before) in watchers.iter().zip(before) {
        watcher.told.until(&watched[1..], false).await;
        assert_eq!(watcher.told.of("moves").last(), Some(&true));
        assert_eq!(
            watcher.told.count(&watched),
            before + 1,
            "{:?}",
            watcher.told
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_starts_again_at_its_address_is_another_one_with_the_same_name() {
    let mut cluster = Cluster::of(3).await;
    let (lost, kept) = (names("lost", 10), names("kept", 10));
    let _on_a = Online::keep(&cluster.addr(0), &lost, 0).await;
    let _on_b = Online::keep(&cluster.addr(1), &kept, 0).await;
    let watched = [lost.clone(), kept.clone(), names("new", 1)].concat();
    let c = Watcher::by_session(&cluster.addr(2), &watched).await;
    c.told.until(&watched[..20], true).await;
    let before = c.told.count(&kept);

    cluster.replicas[0].restart().await;
    c.told.until(&lost, false).await;
    let _new = Online::keep(&cluster.addr(0), &names("new", 1), 0).await;
    c.told.until(&names("new", 1), true).await;
    let a = Watcher::by_session(&cluster.addr(0), &kept).await;
    a.told.until(&kept, true).await;
    assert_eq!(a.told.count(&kept), kept.len(), "nobody was offline for it");
    assert_eq!(c.told.count(&kept), before);
    for replica in 0..3 {
        knows(&cluster.addr(replica), 3).await;
    }
}
