//! The other end of a link: what it said, what it wants, and what it is to be told.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::origins::Slot;
use crate::ballot::{Ballot, Delta};
use crate::message::{Ballots, Message, Status, Want};
use crate::origin::Origin;
use crate::user::User;

/// Votes in one message at most, and bytes of it, about.
const VOTES_PER_MESSAGE: usize = 2000;
const MESSAGE_BYTES: usize = 256 * 1024;

/// Names a link of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

/// A link with another replica.
#[derive(Debug)]
pub(super) struct Link {
    /// Who is at the other end, once it said so.
    pub(super) peer: Option<Origin>,
    /// When it last said something.
    pub(super) heard_ms: u64,
    pub(super) hello_is_due: bool,
    pub(super) report_is_due: bool,
    pub(super) has_said_farewell: bool,
    /// What is to be said before any votes.
    pub(super) queue: VecDeque<Message>,
    /// What it last reported, by replica. None: nothing yet.
    pub(super) reports: Option<HashMap<Arc<str>, Status>>,
    /// Whose votes it wants.
    pub(super) feeds: BTreeMap<Slot, Feed>,
    /// Ballots of which the last part has not come.
    pub(super) staged: HashMap<Arc<str>, Staged>,
}

/// How far the other end has been told the votes of an origin.
#[derive(Debug)]
pub(super) enum Feed {
    /// It is to be given all of them.
    Whole,
    /// It is being given all of them.
    Dump(Dump),
    /// It has them up to here.
    At(u64),
}

/// All votes of an origin, on their way.
#[derive(Debug)]
pub(super) struct Dump {
    pub(super) origin: Origin,
    pub(super) seq: u64,
    pub(super) part: u32,
    pub(super) ballots: std::vec::IntoIter<(User, u64, Ballot)>,
}

/// All votes of an origin, as far as they have come.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) origin: Origin,
    pub(super) seq: u64,
    pub(super) parts: u32,
    pub(super) ballots: Vec<(User, u64, Ballot)>,
}

impl Link {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            peer: None,
            heard_ms: now_ms,
            hello_is_due: true,
            report_is_due: true,
            has_said_farewell: false,
            queue: VecDeque::new(),
            reports: None,
            feeds: BTreeMap::new(),
            staged: HashMap::new(),
        }
    }

    pub(super) fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heard_ms)
    }

    pub(super) fn is_with(&self, replica: &str) -> bool {
        self.peer
            .as_ref()
            .is_some_and(|peer| *peer.replica == *replica)
    }

    /// What it last said of a replica.
    pub(super) fn report(&self, replica: &str) -> Option<&Status> {
        self.reports.as_ref()?.get(replica)
    }

    pub(super) fn ask(&mut self, want: Want) {
        self.queue.push_back(Message::Want(want));
    }

    /// Takes up a part of all votes. Some: it was the last one.
    pub(super) fn stage(&mut self, part: Ballots) -> Option<Staged> {
        let replica = part.origin.replica.clone();
        let mut staged = match part.part {
            0 => Staged {
                origin: part.origin.clone(),
                seq: part.seq,
                parts: 0,
                ballots: Vec::new(),
            },
            _ => self.staged.remove(&replica)?,
        };
        let fits =
            (&staged.origin, staged.seq, staged.parts) == (&part.origin, part.seq, part.part);
        if !fits {
            return None;
        }
        staged.parts += 1;
        staged.ballots.extend(part.ballots);
        if part.is_last {
            self.staged.remove(&replica);
            return Some(staged);
        }
        self.staged.insert(replica, staged);
        None
    }
}

impl Dump {
    /// The next part of it, and whether it is the last.
    pub(super) fn next(&mut self) -> (Ballots, bool) {
        let ballots = take_sized(&mut self.ballots, |(user, _, ballot)| {
            size_bytes(user, Some(ballot))
        });
        let is_last = self.ballots.len() == 0;
        let part = Ballots {
            origin: self.origin.clone(),
            seq: self.seq,
            part: self.part,
            is_last,
            ballots,
        };
        self.part += 1;
        (part, is_last)
    }
}

/// As many deltas as a message takes.
pub(super) fn sized<'a>(deltas: impl Iterator<Item = &'a Delta>) -> Vec<Delta> {
    let mut deltas = deltas.cloned();
    take_sized(&mut deltas, |delta| {
        size_bytes(&delta.user, delta.ballot.as_ref())
    })
}

/// Takes what a message has room for, at least one.
fn take_sized<T>(items: &mut impl Iterator<Item = T>, size: impl Fn(&T) -> usize) -> Vec<T> {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    while taken.len() < VOTES_PER_MESSAGE
        && bytes < MESSAGE_BYTES
        && let Some(item) = items.next()
    {
        bytes += size(&item);
        taken.push(item);
    }
    taken
}

fn size_bytes(user: &User, ballot: Option<&Ballot>) -> usize {
    let devices = ballot
        .and_then(|ballot| ballot.devices.as_deref())
        .unwrap_or_default();
    let devices = devices.iter().map(crate::ballot::Device::size_bytes);
    user.as_str().len() + 24 + devices.sum::<usize>()
}
