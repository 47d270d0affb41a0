//! Who is here, beside other servers of the contract and beside Centrifugo.

use crate::machine;
use crate::suite::Suite;
use crate::workload::Workload;

mod centrifugo;
mod changes;
mod cluster;
mod cycles;
mod death;
mod flood;
mod idle;
mod million;
pub(crate) mod peer;
mod propagation;
mod raw;
pub(crate) mod session;
mod sessions;
mod wire;

/// All of it.
pub(crate) const SUITE: Suite = Suite {
    name: "presence",
    head: "\
Written by `cargo xtask bench presence`, all of it: figures that were typed would say nothing. One machine holds the
replicas, their peers and the clients, all on loopback, with the defaults of each unless said otherwise. A figure is the
median of its rounds, with the least and the most.

- A stream's memory is by how much the process has grown for each, from its start to when its resident memory stays the
  same. Opened at once: all requests of a connection are under way before the first is answered. Gradually: on ten
  connections at a time, one on each. The peers serve the same contract: tonic with its own server and codec, grpc-go.
- Cycles: HTTP/2 frames made by hand, so that the client costs little; 100 streams are open at a time. The library's
  limits are those of tonic as it comes; told is how many streams had been sent when the connection was lost.
- Replicas find each other through a real etcd. Each user changes twice a second, and every change must be told.
- Centrifugo: two nodes over one Redis (`join_leave`, `presence`); each user is a channel that a client on one node joins
  and leaves and a client on the other has subscribed, ten connections on either side. A dead node: until
  `presence_stats` on the other counts none of its clients, who get no joins and leaves then.
- A dead replica: two Session streams and a Monitor for each user, on the other replicas. A tenth of the users are
  connected to another replica as well.
- Many users: names of 14 bytes, a device each, without status or metadata.
",
    versions,
    workloads: &WORKLOADS,
};

fn versions() -> Vec<(&'static str, String)> {
    let version = |program: &str| machine::printed(program.as_ref(), &["--version"]);
    vec![
        ("tonic", machine::locked("tonic")),
        ("grpc-go", machine::required("google.golang.org/grpc")),
        (
            "Centrifugo",
            machine::required("github.com/centrifugal/centrifugo/v5"),
        ),
        ("Redis", version("redis-server")),
        ("etcd", version("etcd")),
    ]
}

/// In the order in which they run.
const WORKLOADS: [Workload; 6] = [
    Workload {
        name: "idle",
        about: idle::ABOUT,
        run: |scale| Box::pin(idle::run(scale)),
    },
    Workload {
        name: "cycles",
        about: cycles::ABOUT,
        run: |scale| Box::pin(cycles::run(scale)),
    },
    Workload {
        name: "propagation",
        about: propagation::ABOUT,
        run: |scale| Box::pin(propagation::run(scale)),
    },
    Workload {
        name: "death",
        about: death::ABOUT,
        run: |scale| Box::pin(death::run(scale)),
    },
    Workload {
        name: "million",
        about: million::ABOUT,
        run: |scale| Box::pin(million::run(scale)),
    },
    Workload {
        name: "sessions",
        about: sessions::ABOUT,
        run: |scale| Box::pin(sessions::run(scale)),
    },
];
