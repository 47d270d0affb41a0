//! Users and notificators as processes that find each other through a real etcd.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::time::Duration;

use muster_testkit::{Etcd, Service, curl, eventually, free_port, measured};

const SOON: Duration = Duration::from_secs(30);
const LEASE: Duration = Duration::from_secs(3);
const BACK: Duration = Duration::from_secs(2);
/// Where the two forms of a notificator's key lie: go-kit's, and that of etcd's own resolver.
const PREFIXES: [&str; 2] = ["/services/notificator/", "services/notificator/"];

/// Two notificators and one users process, each of which knows the other side by etcd alone.
struct Processes {
    etcd: Etcd,
    notificators: [Service; 2],
    users: Service,
    created: usize,
}

impl Processes {
    /// Starts them, and sends mails until both notificators are in the rotation.
    async fn start() -> Processes {
        let etcd = Etcd::start().await;
        let notificators = [notificator(&etcd, &[]).await, notificator(&etcd, &[]).await];
        let users = Service::start("muster-users", &["--etcd", &etcd.endpoint()]).await;
        let mut processes = Processes {
            etcd,
            notificators,
            users,
            created: 0,
        };
        while processes.mails().contains(&0) {
            processes.create(1).await;
            processes.all_mails_arrive().await;
        }
        processes
    }

    /// Creates users, all of which must be answered as promised.
    async fn create(&mut self, count: usize) {
        let url = format!("http://{}/create", self.users.addr());
        for _ in 0..count {
            self.created += 1;
            let body = format!(r#"{{"email":"user{}"}}"#, self.created);
            let answer = curl(&["-XPOST", &url, "-d", &body]).await.ok();
            assert_eq!(answer.trim_end(), r#"{"e0":null}"#);
        }
    }

    /// How many mails each notificator has delivered.
    fn mails(&self) -> [usize; 2] {
        self.notificators
            .each_ref()
            .map(|notificator| notificator.mails().len())
    }

    /// Waits until each user has got a mail.
    async fn all_mails_arrive(&self) {
        eventually(SOON, || async {
            let arrived: usize = self.mails().iter().sum();
            (arrived == self.created).then_some(())
        })
        .await;
    }

    /// The notificators that etcd lists, if it lists the same in both forms.
    async fn listed(&self) -> Option<BTreeSet<String>> {
        let [raw, resolver] = PREFIXES.map(|prefix| async move { addrs(&self.etcd, prefix).await });
        let (raw, resolver) = (raw.await, resolver.await);
        (raw == resolver).then_some(raw)
    }

    /// Whether etcd lists these notificators, in both forms.
    async fn are_listed(&self, notificators: &[Service]) -> Option<()> {
        let wanted = notificators.iter().map(Service::addr).collect();
        (self.listed().await? == wanted).then_some(())
    }
}

async fn notificator(etcd: &Etcd, args: &[&str]) -> Service {
    let endpoint = etcd.endpoint();
    let all: Vec<&str> = ["--etcd", &endpoint].iter().chain(args).copied().collect();
    Service::start("muster-notificator", &all).await
}

/// The addresses under a prefix; each value must be what its form asks for.
async fn addrs(etcd: &Etcd, prefix: &str) -> BTreeSet<String> {
    let mut addrs = BTreeSet::new();
    for (key, value) in etcd.get_prefix(prefix).await {
        let addr = key.strip_prefix(prefix).unwrap().to_owned();
        match prefix {
            "/services/notificator/" => assert_eq!(value, addr),
            _ => assert_eq!(value, format!(r#"{{"Op":0,"Addr":"{addr}"}}"#)),
        }
        addrs.insert(addr);
    }
    addrs
}

/// The leases that the keys hang on.
async fn leases(etcd: &Etcd) -> Vec<String> {
    let mut leases = Vec::new();
    for prefix in PREFIXES {
        let fields = etcd
            .etcdctl(&["get", "--prefix", prefix, "-w", "fields"])
            .await;
        leases.extend(
            fields
                .lines()
                .filter(|line| line.starts_with("\"Lease\""))
                .map(str::to_owned),
        );
    }
    leases
}

#[tokio::test]
async fn ten_creates_reach_two_notificators_five_and_five() {
    let mut processes = Processes::start().await;
    let before = processes.mails();
    processes.create(10).await;
    processes.all_mails_arrive().await;
    assert_eq!(processes.mails(), before.map(|mails| mails + 5));
}

#[tokio::test]
async fn a_killed_notificator_fails_no_create_and_its_keys_go_with_its_lease() {
    let mut processes = Processes::start().await;
    let [alive, killed] = processes.mails();
    processes.notificators[1].process().sigkill();
    processes.create(10).await;
    measured(
        "keys of a killed process are gone",
        LEASE + Duration::from_secs(1),
        || processes.are_listed(&processes.notificators[..1]),
    )
    .await;
    processes.all_mails_arrive().await;
    assert_eq!(processes.mails(), [alive + 10, killed]);
}

#[tokio::test]
async fn nothing_fails_while_etcd_is_gone_and_the_keys_are_back_when_it_lost_everything() {
    let mut processes = Processes::start().await;
    processes.etcd.kill();
    let before = processes.mails();
    processes.create(10).await;
    processes.all_mails_arrive().await;
    assert_eq!(
        processes.mails(),
        before.map(|mails| mails + 5),
        "an outage of etcd changes nothing"
    );

    processes.etcd.restart_empty().await;
    measured("keys are back in an empty etcd", BACK, || {
        processes.are_listed(&processes.notificators)
    })
    .await;
    processes.create(2).await;
    processes.all_mails_arrive().await;
}

#[tokio::test]
async fn a_notificator_that_drains_leaves_the_keys_of_its_successor() {
    let etcd = Etcd::start().await;
    let addr = format!("127.0.0.1:{}", free_port());
    let mut old = notificator(&etcd, &["--advertise", &addr]).await;
    let listed = || async { Some(leases(&etcd).await).filter(|leases| leases.len() == 2) };
    let first = eventually(SOON, listed).await;

    let _successor = notificator(&etcd, &["--advertise", &addr]).await;
    let second = eventually(SOON, || async {
        listed().await.filter(|leases| *leases != first)
    })
    .await;
    let status = old.stop(SOON).await;
    assert!(status.success(), "{status}");
    assert_eq!(
        leases(&etcd).await,
        second,
        "the successor's keys, on the successor's lease"
    );
    for prefix in PREFIXES {
        assert_eq!(addrs(&etcd, prefix).await, BTreeSet::from([addr.clone()]));
    }
}
