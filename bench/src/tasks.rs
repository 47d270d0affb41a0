//! Tasks: durable writes over REST, and the way of a completed task to a browser.

use std::path::Path;

use crate::machine;
use crate::suite::Suite;
use crate::workload::Workload;

mod bare;
mod broker;
mod chain;
mod creates;
mod pace;
mod relay;
mod rest;
mod site;
mod socket;
mod traced;

/// All of it.
pub(crate) const SUITE: Suite = Suite {
    name: "tasks",
    head: "\
Written by `cargo xtask bench tasks`, all of it. One machine holds the services, MariaDB, RabbitMQ and the load
generators. Everything that is acknowledged is on disk: `innodb_flush_log_at_trx_commit=1`, SQLite with
`synchronous=FULL`, durable queues and persistent messages. A figure is the median of its rounds, with the least and the
most; in each round muster and its peers took their turns.

- Tasks are created by h2load over HTTP/2, one and the same again and again, and counted in the store afterwards.
- A bare INSERT is a prepared statement that is committed by itself, in a loop on each of as many connections as
  muster-tasks has; in SQLite there is one.
- Tasks are completed by PATCH, at a steady rate; those of the first second do not count. A time is that from before the request is sent to when the WebSocket
  has the frame. Its peer is the least that such a chain can do: an INSERT that is committed, then a message that
  RabbitMQ confirms from a quorum queue, then nothing.
- What waits for the bus was completed without one. The peer publishes as many messages of the same size to the same
  kinds of queues, in batches as large, and waits for the confirms of each batch.
- Traces go to a collector beside it that takes them and does nothing; what its queue cannot hold is dropped, as it is
  by default.
",
    versions,
    workloads: &WORKLOADS,
};

fn versions() -> Vec<(&'static str, String)> {
    let version = |program: &Path| machine::printed(program, &["--version"]);
    vec![
        ("MariaDB", version(&muster_testkit::find("mariadbd"))),
        ("RabbitMQ", broker::version()),
        ("h2load", version("h2load".as_ref())),
    ]
}

/// In the order in which they run.
const WORKLOADS: [Workload; 4] = [
    Workload {
        name: "creates",
        about: creates::ABOUT,
        run: |scale| Box::pin(creates::run(scale)),
    },
    Workload {
        name: "chain",
        about: chain::ABOUT,
        run: |scale| Box::pin(chain::run(scale)),
    },
    Workload {
        name: "relay",
        about: relay::ABOUT,
        run: |scale| Box::pin(relay::run(scale)),
    },
    Workload {
        name: "traced",
        about: traced::ABOUT,
        run: |scale| Box::pin(traced::run(scale)),
    },
];
