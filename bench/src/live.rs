//! The live edge beside Centrifugo: what a socket costs, and what a message to many.

use crate::machine;
use crate::suite::Suite;
use crate::workload::Workload;

mod death;
mod delivered;
mod fan_out;
mod idle;
mod server;
mod socket;

/// All of it.
pub(crate) const SUITE: Suite = Suite {
    name: "live",
    head: "\
Written by `cargo xtask bench live`, all of it. One machine holds the services, Centrifugo and the clients, all on
loopback. The clients are the same for both: bare sockets that answer pings and read whatever comes.

- An idle socket's memory is by how much the process has grown for each, from its start to when its resident memory
  stays the same. Each is subscribed to a user of its own, who is online thereby (muster), or to a channel of its own
  (Centrifugo, without presence, history or recovery, which would cost more).
- Fan-out: every socket is subscribed to one topic or channel, and the next message is sent when the last socket has the
  one before. Deliveries are counted for each second that the server's process spent on cores, the kernel's part
  included; for muster that is the gateway, which gets each message from the activity service.
- A dead gateway: users are told one event after the other, all in turn, at a steady rate, while the gateway that has
  all sockets is killed; each comes back at once to another gateway, 512 of them at a time, with its last cursor. They
  are back when the last of them is told that it is live again. Lost and twice are events, flaps are users whom presence
  told to be offline, until 15 seconds after.
",
    versions,
    workloads: &WORKLOADS,
};

fn versions() -> Vec<(&'static str, String)> {
    let centrifugo = machine::required("github.com/centrifugal/centrifugo/v5");
    vec![("Centrifugo", centrifugo)]
}

/// In the order in which they run.
const WORKLOADS: [Workload; 3] = [
    Workload {
        name: "idle",
        about: idle::ABOUT,
        run: |scale| Box::pin(idle::run(scale)),
    },
    Workload {
        name: "fan-out",
        about: fan_out::ABOUT,
        run: |scale| Box::pin(fan_out::run(scale)),
    },
    Workload {
        name: "dead-gateway",
        about: death::ABOUT,
        run: |scale| Box::pin(death::run(scale)),
    },
];
