//! Replicas that cannot hear each other, in a network of their own.

use std::path::Path;
use std::time::{Duration, Instant};

use muster_testkit::{Lan, Process, eventually, find, listening, measured};
use tempfile::TempDir;

use crate::client::SOON;

const SILENT: Duration = Duration::from_secs(5);
/// Longer than a silence must last to be noticed.
const UNNOTICED: Duration = Duration::from_secs(6);
/// The host of etcd.
const ETCD: usize = 3;

/// Three replicas, each on a host of its own, and etcd on a fourth one.
struct Partitioned {
    lan: Lan,
    /// What each replica says of all users, by way of the command line.
    monitors: Vec<Process>,
    _processes: Vec<Process>,
    _data: TempDir,
}

impl Partitioned {
    /// Starts them. User `a` is connected to the first one, `b` to the second, `c` to the third, `ab` to the first two.
    async fn start() -> Partitioned {
        let lan = Lan::of(4).await;
        let data = tempfile::tempdir().unwrap();
        let mut processes = vec![etcd(&lan, data.path())];
        for host in 0..3 {
            let mut replica = replica(&lan, host);
            listening(&mut replica, "presence").await;
            processes.push(replica);
        }
        let commands = [(0, "connect a ab"), (1, "connect b ab"), (2, "connect c")];
        for (host, command) in commands {
            processes.push(muster(&lan, host, command));
        }
        let watches = (0..3).map(|host| muster(&lan, host, "monitor a b c ab"));
        let partitioned = Partitioned {
            monitors: watches.collect(),
            lan,
            _processes: processes,
            _data: data,
        };
        for host in 0..3 {
            partitioned
                .until(host, &["a", "b", "c", "ab"], "online")
                .await;
        }
        partitioned
    }

    /// Waits until the replica on a host has said so of users last.
    async fn until(&self, host: usize, users: &[&str], state: &str) {
        eventually(SOON, || std::future::ready(self.are(host, users, state))).await;
    }

    fn are(&self, host: usize, users: &[&str], state: &str) -> Option<()> {
        let is = |user: &&str| self.told(host, user).last() == Some(&state.to_owned());
        users.iter().all(is).then_some(())
    }

    /// What the replica on a host has said of a user.
    fn told(&self, host: usize, user: &str) -> Vec<String> {
        let said = self.monitors[host].stdout();
        let of_user = said
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("{user} is ")));
        of_user.map(str::to_owned).collect()
    }

    /// How often the replica on a host has said something.
    fn count(&self, host: usize) -> usize {
        self.monitors[host].stdout().lines().count()
    }

    /// Lets a silence last, in which nobody must say anything.
    async fn expect_calm(&self) {
        let before = [0, 1, 2].map(|host| self.count(host));
        let start = Instant::now();
        let is_over = || std::future::ready((start.elapsed() >= UNNOTICED).then_some(()));
        eventually(2 * UNNOTICED, is_over).await;
        assert_eq!(before, [0, 1, 2].map(|host| self.count(host)));
    }
}

fn etcd(lan: &Lan, data: &Path) -> Process {
    let host = lan.host(ETCD);
    let url = format!("http://{}:2379", host.addr());
    let mut command = host.command(&find("etcd").to_string_lossy());
    command.arg("--data-dir").arg(data);
    command.args(["--listen-client-urls", &url]);
    command.args(["--advertise-client-urls", &url]);
    Process::spawn(&mut command)
}

fn replica(lan: &Lan, host: usize) -> Process {
    let mut command = lan.host(host).program("muster-presence");
    let listen = format!("{}:9002", lan.host(host).addr());
    let etcd = format!("{}:2379", lan.host(ETCD).addr());
    command.args(["--listen", &listen, "--insecure", "--etcd", &etcd]);
    Process::spawn(&mut command)
}

/// The command line on a host, with the replica that is there.
fn muster(lan: &Lan, host: usize, command: &str) -> Process {
    let mut muster = lan.host(host).program("muster");
    let addr = format!("{}:9002", lan.host(host).addr());
    muster
        .arg("presence")
        .args(command.split(' '))
        .args(["--addr", &addr]);
    Process::spawn(&mut muster)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_cut_off_is_offline_for_the_others_until_the_cut_is_healed() {
    let cluster = Partitioned::start().await;
    let before = cluster.told(1, "ab").len() + cluster.told(2, "ab").len();
    cluster.lan.cut(0, 1);
    cluster.lan.cut(0, 2);
    measured(
        "presence: a replica is cut off, and everybody told",
        SILENT,
        || {
            let others = [1, 2].map(|host| cluster.are(host, &["a"], "offline"));
            let itself = cluster.are(0, &["b", "c"], "offline");
            std::future::ready(others[0].and(others[1]).and(itself))
        },
    )
    .await;
    cluster.lan.heal(0, 1);
    cluster.lan.heal(0, 2);
    for host in 0..3 {
        cluster.until(host, &["a", "b", "c", "ab"], "online").await;
    }
    let after = cluster.told(1, "ab").len() + cluster.told(2, "ab").len();
    assert_eq!(
        before, after,
        "messages of a user who is connected elsewhere"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_around_which_there_is_a_way_makes_nobody_offline() {
    let cluster = Partitioned::start().await;
    cluster.lan.cut(0, 1);
    cluster.expect_calm().await;
    // Who comes and goes now is told by way of the third replica.
    let late = muster(&cluster.lan, 0, "connect d");
    let monitor = muster(&cluster.lan, 1, "monitor d");
    let says = |word: &'static str| {
        let said = monitor.stdout();
        move || std::future::ready(said.ends_with(word).then_some(()))
    };
    eventually(SOON, || says("d is online\n")()).await;
    drop(late);
    eventually(SOON, || says("d is offline\n")()).await;
    cluster.lan.heal(0, 1);
    cluster.expect_calm().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_in_one_way_around_which_there_is_a_way_makes_nobody_offline() {
    let cluster = Partitioned::start().await;
    cluster.lan.cut_one_way(1, 0);
    cluster.expect_calm().await;
    cluster.lan.heal_one_way(1, 0);
    cluster.expect_calm().await;
}
