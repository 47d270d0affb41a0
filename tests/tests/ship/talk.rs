//! Who talks to whom while all seven services run with a real etcd, RabbitMQ and MariaDB, held against who may by the
//! NetworkPolicies of the chart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use muster_testkit::{Etcd, MariaDb, RabbitMq, Service, eventually, request};
use serde_json::Value;

use crate::SERVICES;
use crate::chart::{container, manifest, workload};
use crate::helm::render;
use crate::network_policy::passes;

const DEADLINE: Duration = Duration::from_secs(60);
/// What `/proc/net/tcp` says of a connection that stands.
const ESTABLISHED: &str = "01";
/// Values with which the chart has all that runs here.
const VALUES: [&str; 2] = ["mariadb.enabled=true", "networkPolicy.callers=[]"];

/// All that runs: processes by their component, and components by the port at which they are reached.
struct Site {
    processes: Vec<(&'static str, u32)>,
    reached: BTreeMap<u16, (&'static str, u32)>,
    services: Vec<(&'static str, Service)>,
    _etcd: Etcd,
    _broker: RabbitMq,
    _database: MariaDb,
}

impl Site {
    /// Two of each that may have replicas, one of each that may not.
    async fn start() -> Site {
        let (mut etcd, mut broker, mut database) =
            tokio::join!(Etcd::start(), RabbitMq::start(), MariaDb::start());
        let (registry, bus) = (etcd.endpoint(), broker.url());
        let store = database.url("muster").await;
        let backends = [
            ("etcd", etcd.process().pid(), &registry),
            ("rabbitmq", broker.process().pid(), &bus),
            ("mariadb", database.process().pid(), &store),
        ];
        let mut site = Site {
            processes: Vec::new(),
            reached: BTreeMap::new(),
            services: Vec::new(),
            _etcd: etcd,
            _broker: broker,
            _database: database,
        };
        for (name, pid, url) in backends {
            site.know(name, pid, port(url));
        }
        for service in SERVICES {
            let keeps = service.stored && service.name != "tasks";
            for _ in 0..if keeps { 1 } else { 2 } {
                site.add(service.name, &registry, &bus, &store).await;
            }
        }
        site
    }

    async fn add(&mut self, name: &'static str, registry: &str, bus: &str, store: &str) {
        let mut args = vec!["--etcd", registry];
        if ["tasks", "gateway"].contains(&name) {
            args.extend(["--bus", bus]);
        }
        if name == "tasks" {
            args.extend(["--store", store]);
        }
        let mut service = Service::start(&format!("muster-{name}"), &args).await;
        let pid = service.process().pid();
        self.know(name, pid, port(&service.addr()));
        self.services.push((name, service));
    }

    fn know(&mut self, name: &'static str, pid: u32, port: u16) {
        self.processes.push((name, pid));
        self.reached.insert(port, (name, pid));
    }

    /// Has a service do something.
    async fn ask(&self, service: &str, method: &str, path: &str, body: &str) {
        let (_, asked) = self
            .services
            .iter()
            .find(|(name, _)| *name == service)
            .unwrap();
        let (status, answer) = request(&asked.addr(), method, path, body).await.unwrap();
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
    }

    /// Who has a connection open to whom: `users notificator`. What a process says to itself passes no network.
    fn connections(&self) -> BTreeSet<String> {
        let of = |(name, pid): &(&'static str, u32)| {
            let ports = dialled(*pid).into_iter();
            let met = ports.filter_map(|port| self.reached.get(&port));
            let others = met.filter(|(_, other)| other != pid);
            others
                .map(|(peer, _)| format!("{name} {peer}"))
                .collect::<Vec<_>>()
        };
        self.processes.iter().flat_map(of).collect()
    }
}

/// The port in an address or a URL.
fn port(of: &str) -> u16 {
    let (_, rest) = of.rsplit_once(':').unwrap();
    let digits = rest.split('/').next().unwrap();
    digits.parse().unwrap()
}

/// The remote ports of the connections that a process has made; those that it took have its own port on this side.
fn dialled(pid: u32) -> Vec<u16> {
    let own = sockets(pid);
    let table = fs::read_to_string(format!("/proc/{pid}/net/tcp")).unwrap();
    let rows = table
        .lines()
        .skip(1)
        .map(|row| row.split_whitespace().collect::<Vec<_>>());
    let hexadecimal =
        |addr: &str| u16::from_str_radix(addr.rsplit_once(':').unwrap().1, 16).unwrap();
    rows.filter(|row| row[3] == ESTABLISHED && own.contains(row[9]))
        .map(|row| hexadecimal(row[2]))
        .collect()
}

/// The inodes of the sockets that a process has open.
fn sockets(pid: u32) -> BTreeSet<String> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let inode = |link: std::path::PathBuf| {
        let name = link.to_string_lossy();
        Some(name.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())
    };
    links.filter_map(inode).collect()
}

/// Who may open a connection to whom, by the rules of one way (`egress` or `ingress`).
fn allowed(all: &[Value], way: &str) -> BTreeSet<String> {
    let components = SERVICES.map(|service| service.name);
    let components = components
        .into_iter()
        .chain(["etcd", "mariadb", "rabbitmq"]);
    let peers = if way == "egress" { "to" } else { "from" };
    let mut pairs = BTreeSet::new();
    for component in components {
        let policy = manifest(all, "NetworkPolicy", &format!("muster-{component}"));
        for rule in passes(policy, way, peers) {
            let (peer, port) = rule.split_once(' ').unwrap();
            // Names are looked up where addresses are told; who measures and who tests is no service.
            if port == "53" || port == "admin" || peer == "test" {
                continue;
            }
            let (from, to) = if way == "egress" {
                (component, peer)
            } else {
                (peer, component)
            };
            assert!(is_port_of(all, to, port), "{to} is not reached at {port}");
            pairs.insert(format!("{from} {to}"));
        }
    }
    pairs
}

/// Whether a component is reached at that port, told by its number or its name.
fn is_port_of(all: &[Value], component: &str, port: &str) -> bool {
    let listens = &container(workload(all, component))["ports"][0];
    listens["name"] == port || listens["containerPort"].as_u64() == port.parse().ok()
}

#[tokio::test]
async fn every_connection_of_a_run_is_allowed_both_ways_and_nothing_else_is() {
    let all = render(&VALUES).await;
    let (outward, inward) = (allowed(&all, "egress"), allowed(&all, "ingress"));
    assert_eq!(outward, inward, "a way that is open at one end alone");
    let site = Site::start().await;
    site.ask("users", "POST", "/create", r#"{"email":"albert"}"#)
        .await;
    site.ask("tasks", "PATCH", "/tasks/1", r#"{"status":1}"#)
        .await;
    let mut seen = BTreeSet::new();
    eventually(DEADLINE, || {
        seen.extend(site.connections());
        let done = seen.is_superset(&outward);
        let (site, missing) = (
            &site,
            outward.difference(&seen).cloned().collect::<Vec<_>>(),
        );
        async move {
            // What it asks it keeps a connection to.
            site.ask("gateway", "GET", "/services", "").await;
            if !done {
                eprintln!("not seen: {missing:?}");
            }
            done.then_some(())
        }
    })
    .await;
    assert_eq!(seen, outward, "seen on the left, allowed on the right");
}
