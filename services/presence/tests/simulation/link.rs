//! What carries messages between two replicas, as TCP does: in order, late, or not at all until it ends.

use std::collections::VecDeque;

use muster_presence::message::Message;
use muster_presence::replica::LinkId;

/// TCP sends nothing new when what it sent is not acknowledged for so long.
const RETRANSMIT_MS: u64 = 300;

/// A stream between two processes.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) sides: [Side; 2],
    /// So many messages of a side may be on their way.
    pub(crate) room: usize,
    pub(crate) latency_ms: u64,
    /// After a cut, what waits is sent again only now.
    pub(crate) stalled_until_ms: u64,
}

/// What one of the two has of it.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) node: usize,
    /// Which life of the node's.
    pub(crate) life: u32,
    pub(crate) state: State,
    /// What is on its way to the other side, and when it is there.
    pub(crate) sent: VecDeque<(u64, Parcel)>,
    /// Since when messages have arrived of which nothing can tell this side.
    pub(crate) unacked_ms: Option<u64>,
    /// Whether the other side has said Hello.
    pub(crate) is_greeted: bool,
    /// Whether the end is on its way, or has no way to be told.
    pub(crate) is_ended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// The process has not accepted it yet.
    Waiting,
    Open(LinkId),
    Closed,
}

#[derive(Debug)]
pub(crate) enum Parcel {
    Message(Message),
    End,
}

impl Link {
    pub(crate) fn new(sides: [(usize, u32); 2], room: usize, latency_ms: u64) -> Link {
        Link {
            sides: sides.map(|(node, life)| Side::new(node, life)),
            room,
            latency_ms,
            stalled_until_ms: 0,
        }
    }

    /// Whether both sides have it open and have greeted each other.
    pub(crate) fn is_established(&self) -> bool {
        self.sides
            .iter()
            .all(|side| side.is_greeted && matches!(side.state, State::Open(_)))
    }

    pub(crate) fn has_room(&self, side: usize, now_ms: u64) -> bool {
        let side = &self.sides[side];
        let is_stalled = |since_ms| now_ms > since_ms + RETRANSMIT_MS;
        matches!(side.state, State::Open(_))
            && !side.is_ended
            && !side.unacked_ms.is_some_and(is_stalled)
            && side.sent.len() < self.room
    }

    /// Sends a parcel: when it will be there.
    pub(crate) fn send(&mut self, side: usize, parcel: Parcel, now_ms: u64) -> u64 {
        let soonest = (now_ms + self.latency_ms).max(self.stalled_until_ms);
        let sent = &mut self.sides[side].sent;
        let before = sent.back().map_or(0, |(arrival_ms, _)| *arrival_ms);
        let arrival_ms = soonest.max(before);
        sent.push_back((arrival_ms, parcel));
        arrival_ms
    }
}

impl Side {
    fn new(node: usize, life: u32) -> Side {
        Side {
            node,
            life,
            state: State::Waiting,
            sent: VecDeque::new(),
            unacked_ms: None,
            is_greeted: false,
            is_ended: false,
        }
    }
}
