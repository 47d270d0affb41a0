//! How much is measured.

/// How long a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// A minute or two: shows that everything runs. Its figures say little.
    Quick,
    /// What documents quote, but for the largest store.
    Normal,
    /// The largest store as well.
    Full,
}

impl Scale {
    /// How often muster and each peer take their turn.
    pub(crate) fn rounds(self) -> usize {
        self.pick(1, 3)
    }

    /// The same where what is compared is nearly alike.
    pub(crate) fn close_rounds(self) -> usize {
        3 * self.rounds()
    }

    /// Unary calls for each server in a round.
    pub(crate) fn calls(self) -> u64 {
        self.pick(10_000, 200_000)
    }

    /// Single events for each store in a round.
    pub(crate) fn singles(self) -> u64 {
        self.pick(5_000, 50_000)
    }

    /// Calls one behind the other, and as many raw writes.
    pub(crate) fn alone(self) -> u64 {
        self.pick(500, 5_000)
    }

    /// Events in batches for each store in a round.
    pub(crate) fn batched(self) -> u64 {
        self.pick(50_000, 1_000_000)
    }

    /// Events of the store that is read.
    pub(crate) fn stored(self) -> u64 {
        self.pick(100_000, 1_000_000)
    }

    /// Seconds for which 100 subscribers follow.
    pub(crate) fn followed_s(self) -> u64 {
        self.pick(2, 20)
    }

    /// Events of the store that is killed and started again.
    pub(crate) fn restarted(self) -> u64 {
        match self {
            Scale::Quick => 100_000,
            Scale::Normal => 1_000_000,
            Scale::Full => 10_000_000,
        }
    }

    /// Connections of idle Monitor streams, 100 on each.
    pub(crate) fn idle_connections(self) -> usize {
        self.pick(100, 1_000)
    }

    /// Streams that are opened and cancelled on one connection.
    pub(crate) fn cycles(self) -> u64 {
        self.pick(100_000, 1_000_000)
    }

    /// Seconds for which a connection is flooded.
    pub(crate) fn flooded_s(self) -> u64 {
        self.pick(2, 10)
    }

    /// Seconds for which users come and go.
    pub(crate) fn propagated_s(self) -> usize {
        self.pick(3, 20)
    }

    /// Users of a replica that dies.
    pub(crate) fn bereft(self) -> usize {
        self.pick(1_000, 10_000)
    }

    /// Users who are online in the whole cluster.
    pub(crate) fn online(self) -> usize {
        self.pick(30_000, 1_000_000)
    }

    /// Users whom one session watches.
    pub(crate) fn watched(self) -> usize {
        self.pick(10_000, 100_000)
    }

    /// WebSockets of one gateway.
    pub(crate) fn sockets(self) -> usize {
        self.pick(2_000, 15_000)
    }

    /// WebSockets that are told the same.
    pub(crate) fn fan_out_sockets(self) -> usize {
        self.pick(1_000, 10_000)
    }

    /// Messages that they are told in a round.
    pub(crate) fn fan_out_messages(self) -> u64 {
        self.pick(20, 100)
    }

    /// Tasks that are created in a round.
    pub(crate) fn created(self) -> u64 {
        self.pick(5_000, 50_000)
    }

    /// Seconds for which tasks are completed at a steady rate.
    pub(crate) fn completed_s(self) -> u64 {
        self.pick(3, 20)
    }

    /// Completed tasks that wait for a bus.
    pub(crate) fn waiting(self) -> u64 {
        self.pick(2_000, 20_000)
    }

    fn pick<T>(self, quick: T, otherwise: T) -> T {
        match self {
            Scale::Quick => quick,
            Scale::Normal | Scale::Full => otherwise,
        }
    }
}
