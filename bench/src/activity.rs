//! The event store, beside other stores, other servers and the disk itself.

use std::path::Path;

use crate::machine;
use crate::suite::Suite;
use crate::workload::Workload;

mod alone;
mod batches;
mod codec;
mod event;
mod muster;
pub(crate) mod peer;
mod pipeline;
mod reading;
mod restart;
mod single;
mod tail;
mod traced;
mod unary;

/// All of it.
pub(crate) const SUITE: Suite = Suite {
    name: "activity",
    head: "\
Written by `cargo xtask bench activity`, all of it: figures that were typed would say nothing. One machine holds the
services, the load generators and, on one file system, all stores. Each store syncs to the disk before it
acknowledges. A figure is the median of its rounds, with the least and the most; in each round muster and its peers
took their turns, each on an empty store of its own, and afterwards held as many events as they had acknowledged.

- Unary and single calls to muster come from h2load: one event without an id, again and again, so that the service
  gives the id. All other load comes from clients of the benchmark itself, encoded before the clock starts.
- Traces go to a collector beside it that takes them and does nothing; what its queue cannot hold is dropped, as it is
  by default.
- NATS: JetStream on one replica, `sync_interval: always`, 16 publications in flight on each of 4 connections. It
  looks for no duplicates here; the others do.
- PostgreSQL: `PRIMARY KEY (topic, id)` and no other index; a prepared `INSERT … SELECT … FROM unnest(…) ON CONFLICT DO
  NOTHING` for each batch; 64 clients with single events. `shared_buffers=1GB`, and no checkpoint during a run.
- Redis: `appendfsync always`, and no rewrite of its log during a run. `EVALSHA` of SADD, then XADD, for each event,
  pipelined: 16 in flight on each of 4 connections with single events, and as many as the others in batches.
- The time to SERVING is that until `/readyz` says so, asked every 10 ms.
- The disk alone: a write of the 64 bytes of an event's message, then fdatasync.
",
    versions,
    workloads: &WORKLOADS,
};

fn versions() -> Vec<(&'static str, String)> {
    let version = |program: &Path| machine::printed(program, &["--version"]);
    vec![
        ("tonic", machine::locked("tonic")),
        ("grpc-go", machine::required("google.golang.org/grpc")),
        ("NATS", version("nats-server".as_ref())),
        ("PostgreSQL", version(&peer::postgres_program("postgres"))),
        ("Redis", version("redis-server".as_ref())),
        ("h2load", version("h2load".as_ref())),
    ]
}

/// In the order in which they run.
const WORKLOADS: [Workload; 8] = [
    Workload {
        name: "unary",
        about: unary::ABOUT,
        run: |scale| Box::pin(unary::run(scale)),
    },
    Workload {
        name: "traced",
        about: traced::ABOUT,
        run: |scale| Box::pin(traced::run(scale)),
    },
    Workload {
        name: "single",
        about: single::ABOUT,
        run: |scale| Box::pin(single::run(scale)),
    },
    Workload {
        name: "batches",
        about: batches::ABOUT,
        run: |scale| Box::pin(batches::run(scale)),
    },
    Workload {
        name: "alone",
        about: alone::ABOUT,
        run: |scale| Box::pin(alone::run(scale)),
    },
    Workload {
        name: "reading",
        about: reading::ABOUT,
        run: |scale| Box::pin(reading::run(scale)),
    },
    Workload {
        name: "tail",
        about: tail::ABOUT,
        run: |scale| Box::pin(tail::run(scale)),
    },
    Workload {
        name: "restart",
        about: restart::ABOUT,
        run: |scale| Box::pin(restart::run(scale)),
    },
];
