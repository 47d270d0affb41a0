//! The names that services and their broker agree on.

/// The topic exchange that takes events; the routing key is the kind of the event.
pub const EVENTS: &str = "muster.events";

/// The queue of all events on their way to those who are connected.
pub const GATEWAY_QUEUE: Queue = Queue {
    name: "muster.gateway",
    dead_letters: "muster.gateway.dead",
};

/// A queue of events. Publishers make it too, so that nothing is lost before its first consumer comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    name: &'static str,
    dead_letters: &'static str,
}

impl Queue {
    /// Its name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The queue of what was set aside.
    pub const fn dead_letters(&self) -> &'static str {
        self.dead_letters
    }
}
