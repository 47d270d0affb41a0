//! Services that find each other through a real etcd.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use muster_kit::Shutdown;
use muster_kit::discovery::{Endpoints, Registry};
use muster_testkit::{Etcd, eventually, measured};
use tokio::sync::watch;
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(10);
const LEASE: Duration = Duration::from_secs(3);

async fn registry(etcd: &Etcd) -> Registry {
    Registry::etcd(&[etcd.endpoint()]).await
}

/// One running instance of the service "notificator".
struct Instance {
    serving: watch::Sender<bool>,
    shutdown: Shutdown,
    kept: JoinHandle<()>,
}

impl Instance {
    fn start(registry: &Registry, addr: &'static str) -> Self {
        let (serving, watched) = watch::channel(true);
        let shutdown = Shutdown::new();
        let (registry, stop) = (registry.clone(), shutdown.clone());
        let kept = tokio::spawn(async move {
            let kept = registry.keep_registered("notificator", addr, watched, stop);
            kept.await;
        });
        Self {
            serving,
            shutdown,
            kept,
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.kept.await.unwrap();
    }

    fn crash(self) {
        self.kept.abort();
    }
}

async fn raw(etcd: &Etcd) -> Vec<(String, String)> {
    let found = etcd.get_prefix("/services/notificator/").await;
    found.into_iter().collect()
}

async fn resolver(etcd: &Etcd) -> Vec<(String, String)> {
    let found = etcd.get_prefix("services/notificator/").await;
    found.into_iter().collect()
}

async fn are_listed(etcd: &Etcd, count: usize) -> Option<()> {
    (raw(etcd).await.len() == count && resolver(etcd).await.len() == count).then_some(())
}

/// The line of etcdctl that names the lease of an endpoint.
async fn lease_of(etcd: &Etcd, addr: &str) -> String {
    let key = format!("/services/notificator/{addr}");
    let fields = etcd.etcdctl(&["get", &key, "-w", "fields"]).await;
    let lease = fields.lines().find(|line| line.starts_with("\"Lease\""));
    lease.unwrap_or_default().to_owned()
}

async fn sees(endpoints: &mut watch::Receiver<Endpoints>, addrs: &[&str]) {
    let wanted: BTreeSet<String> = addrs.iter().map(|addr| (*addr).to_owned()).collect();
    let seen = endpoints.wait_for(|now| **now == wanted);
    tokio::time::timeout(SOON, seen)
        .await
        .expect("not seen")
        .unwrap();
}

/// Whether `addr` was ever missing from what a watcher saw.
fn losses(endpoints: &watch::Receiver<Endpoints>, addr: &'static str) -> Arc<Mutex<usize>> {
    let losses = Arc::new(Mutex::new(0));
    let (count, mut endpoints) = (losses.clone(), endpoints.clone());
    tokio::spawn(async move {
        while endpoints.changed().await.is_ok() {
            let is_there = endpoints.borrow_and_update().contains(addr);
            *count.lock().unwrap() += usize::from(!is_there);
        }
    });
    losses
}

#[tokio::test]
async fn both_records_are_there_while_it_serves() {
    let etcd = Etcd::start().await;
    let instance = Instance::start(&registry(&etcd).await, "10.0.0.1:8082");
    eventually(SOON, || are_listed(&etcd, 1)).await;
    let addr = "10.0.0.1:8082";
    let expected = (format!("/services/notificator/{addr}"), addr.to_owned());
    assert_eq!(raw(&etcd).await, [expected]);
    let update = r#"{"Op":0,"Addr":"10.0.0.1:8082"}"#.to_owned();
    let expected = (format!("services/notificator/{addr}"), update);
    assert_eq!(resolver(&etcd).await, [expected]);

    instance.serving.send(false).unwrap();
    eventually(SOON, || are_listed(&etcd, 0)).await;
    instance.serving.send(true).unwrap();
    eventually(SOON, || are_listed(&etcd, 1)).await;
    instance.stop().await;
    assert!(raw(&etcd).await.is_empty() && resolver(&etcd).await.is_empty());
}

#[tokio::test]
async fn one_that_serves_stays_longer_than_its_lease() {
    let etcd = Etcd::start().await;
    let registry = registry(&etcd).await;
    let mut endpoints = registry.watch("notificator");
    let _first = Instance::start(&registry, "a:1");
    sees(&mut endpoints, &["a:1"]).await;
    let losses = losses(&endpoints, "a:1");
    // Another lease, that nobody renews, tells when the first would have run out.
    let short = etcd.etcdctl(&["lease", "grant", "3"]).await;
    let short = short.split(' ').nth(1).unwrap().to_owned();
    etcd.etcdctl(&["put", "--lease", &short, "/services/notificator/c", "c:3"])
        .await;
    sees(&mut endpoints, &["a:1", "c:3"]).await;
    sees(&mut endpoints, &["a:1"]).await;
    assert_eq!(*losses.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_crashed_one_is_gone_with_its_lease() {
    let etcd = Etcd::start().await;
    let registry = registry(&etcd).await;
    let mut endpoints = registry.watch("notificator");
    let instance = Instance::start(&registry, "a:1");
    sees(&mut endpoints, &["a:1"]).await;
    instance.crash();
    let promise = LEASE + Duration::from_secs(1);
    measured("gone after a crash", promise, || are_listed(&etcd, 0)).await;
    sees(&mut endpoints, &[]).await;
}

#[tokio::test]
async fn after_etcd_lost_its_data_all_are_back_and_no_watcher_missed_one() {
    let mut etcd = Etcd::start().await;
    let registry = registry(&etcd).await;
    let mut endpoints = registry.watch("notificator");
    let _first = Instance::start(&registry, "a:1");
    let second = Instance::start(&registry, "b:2");
    sees(&mut endpoints, &["a:1", "b:2"]).await;
    let losses = losses(&endpoints, "a:1");

    etcd.restart_empty().await;
    let promise = Duration::from_secs(2);
    measured("back in an empty etcd", promise, || are_listed(&etcd, 2)).await;
    // The watch lives again: it sees who leaves.
    second.stop().await;
    sees(&mut endpoints, &["a:1"]).await;
    assert_eq!(*losses.lock().unwrap(), 0);
}

#[tokio::test]
async fn after_a_restart_of_etcd_all_are_still_there() {
    let mut etcd = Etcd::start().await;
    let registry = registry(&etcd).await;
    let mut endpoints = registry.watch("notificator");
    let _first = Instance::start(&registry, "a:1");
    sees(&mut endpoints, &["a:1"]).await;
    let losses = losses(&endpoints, "a:1");

    etcd.restart().await;
    let _second = Instance::start(&registry, "b:2");
    sees(&mut endpoints, &["a:1", "b:2"]).await;
    assert_eq!(*losses.lock().unwrap(), 0);
}

#[tokio::test]
async fn one_that_died_while_etcd_was_away_is_dropped_in_the_end() {
    let mut etcd = Etcd::start().await;
    let registry = registry(&etcd).await;
    let mut endpoints = registry.watch("notificator");
    let first = Instance::start(&registry, "a:1");
    let _second = Instance::start(&registry, "b:2");
    sees(&mut endpoints, &["a:1", "b:2"]).await;
    etcd.kill();
    first.crash();
    etcd.restart_empty().await;
    sees(&mut endpoints, &["b:2"]).await;
}

#[tokio::test]
async fn one_that_leaves_does_not_take_the_records_of_its_successor() {
    let etcd = Etcd::start().await;
    let registry = registry(&etcd).await;
    let leaving = Instance::start(&registry, "a:1");
    eventually(SOON, || are_listed(&etcd, 1)).await;
    let first = lease_of(&etcd, "a:1").await;
    let successor = Instance::start(&registry, "a:1");
    eventually(SOON, || async {
        (lease_of(&etcd, "a:1").await != first).then_some(())
    })
    .await;

    leaving.stop().await;
    assert_eq!(are_listed(&etcd, 1).await, Some(()));
    successor.stop().await;
    assert_eq!(are_listed(&etcd, 0).await, Some(()));
}

#[tokio::test]
async fn records_that_someone_deleted_are_put_anew() {
    let etcd = Etcd::start().await;
    let instance = Instance::start(&registry(&etcd).await, "a:1");
    eventually(SOON, || are_listed(&etcd, 1)).await;
    for key in ["/services/notificator/a:1", "services/notificator/a:1"] {
        etcd.delete(key).await;
        eventually(SOON, || are_listed(&etcd, 1)).await;
    }
    // As of a lease of its own: they are gone with it.
    instance.stop().await;
    assert_eq!(are_listed(&etcd, 0).await, Some(()));
}

#[tokio::test]
async fn an_instance_has_one_lease_however_often_etcd_restarts() {
    let mut etcd = Etcd::start().await;
    let registry = registry(&etcd).await;
    let _instance = Instance::start(&registry, "a:1");
    eventually(SOON, || are_listed(&etcd, 1)).await;
    let lease = lease_of(&etcd, "a:1").await;
    etcd.restart().await;
    // It is connected again when it restores its record.
    etcd.delete("/services/notificator/a:1").await;
    eventually(SOON, || are_listed(&etcd, 1)).await;
    assert_eq!(lease_of(&etcd, "a:1").await, lease);
}

#[tokio::test]
async fn the_own_address_is_that_of_the_way_to_any_endpoint_that_has_one() {
    let endpoints = ["no-such-host.invalid:2379", "127.0.0.1:2379"].map(str::to_owned);
    let registry = Registry::etcd(&endpoints).await;
    let known = tokio::time::timeout(SOON, registry.local_ip()).await;
    assert!(known.expect("not known").unwrap().is_loopback());
}

#[tokio::test]
async fn without_a_way_to_etcd_the_own_address_is_waited_for() {
    let nowhere = ["no-such-host.invalid:2379".to_owned()];
    let registry = Registry::etcd(&nowhere).await;
    let known = tokio::time::timeout(Duration::from_millis(500), registry.local_ip()).await;
    assert!(known.is_err(), "{known:?}");
    assert_eq!(Registry::in_process().local_ip().await, None);
}

#[tokio::test]
async fn a_member_of_etcd_that_is_dead_is_passed_over() {
    let etcd = Etcd::start().await;
    let dead = format!("127.0.0.1:{}", muster_testkit::free_port());
    let members = [dead, format!("http://{}", etcd.endpoint())];
    let registry = Registry::etcd(&members).await;
    let mut endpoints = registry.watch("notificator");
    let _instance = Instance::start(&registry, "a:1");
    sees(&mut endpoints, &["a:1"]).await;
    assert!(registry.local_ip().await.unwrap().is_loopback());
}

#[tokio::test]
async fn what_is_no_address_is_passed_over() {
    let etcd = Etcd::start().await;
    etcd.put("/services/notificator/x", "{\"Op\":0}").await;
    etcd.put("/services/notificator/y", "y:1").await;
    etcd.put("/services/notificators/z", "z:1").await;
    let mut endpoints = registry(&etcd).await.watch("notificator");
    sees(&mut endpoints, &["y:1"]).await;
    etcd.put("/services/notificator/y", "no address").await;
    sees(&mut endpoints, &[]).await;
}
