//! Who is here, beside other servers of the contract and beside Centrifugo.

use crate::machine;
use crate::suite::Suite;
use crate::workload::Workload;

mod centrifugo;
mod changes;
mod cluster;
mod cycles;
mod death;
mod idle;
mod million;
pub(crate) mod peer;
mod propagation;
mod raw;
mod session;
mod sessions;
mod wire;

/// All of it.
pub(crate) const SUITE: Suite = Suite {
    name: "presence",
    head: "\
Written by `cargo xtask bench presence`, all of it: figures that were typed would say nothing. One machine holds the
replicas, their peers and the clients, all on loopback. A figure is the median of its rounds, with the least and the
most.
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
