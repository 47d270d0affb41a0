//! A process that runs a replica, and dies, and starts again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_presence::ballot::Ballot;
use muster_presence::origin::Origin;
use muster_presence::replica::{Now, Replica};

/// What wall clocks show at the beginning.
const EPOCH_MS: i64 = 1_800_000_000_000;

/// A replica's process, in all its lives.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: Arc<str>,
    /// Counts its starts.
    pub(crate) life: u32,
    /// None: it does not run.
    pub(crate) replica: Option<Replica>,
    pub(crate) born_ms: u64,
    /// The latest incarnation of all its lives.
    pub(crate) incarnation: u64,
    /// Whether that of this life was the latest from its start, so that there is no reason to raise it.
    pub(crate) is_latest: bool,
    /// How wrong its wall clock is.
    pub(crate) skew_ms: i64,
    pub(crate) is_paused: bool,
    /// Since when it has been leaving.
    pub(crate) left_ms: Option<u64>,
    /// Whom it votes for, as far as its clients know.
    pub(crate) votes: BTreeMap<usize, Vote>,
    /// Who is online, as far as its changes told.
    pub(crate) told: BTreeSet<usize>,
    /// Until when a user must stay online for it, whatever happens elsewhere.
    pub(crate) owed: BTreeMap<usize, Owed>,
    /// Nodes, and users of theirs who must stay online for it while it is stopped and a while after, and until when.
    pub(crate) kept: BTreeMap<(usize, usize), u64>,
    /// Whom discovery has told it of.
    pub(crate) listed: BTreeSet<Arc<str>>,
    pub(crate) born_with: BTreeSet<Arc<str>>,
    /// Since when it has been without a link to another node.
    pub(crate) apart_ms: BTreeMap<usize, u64>,
    /// Its ends of links: the link and which side.
    pub(crate) ends: Vec<(usize, usize)>,
    pub(crate) will_pump: bool,
}

/// A vote of a node.
#[derive(Debug, Clone)]
pub(crate) struct Vote {
    /// When the user came, and when the vote took this form.
    pub(crate) since_ms: u64,
    pub(crate) cast_ms: u64,
    pub(crate) ballot: Ballot,
    /// Tells this vote from the next one for the user.
    pub(crate) number: u64,
}

/// A grace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owed {
    pub(crate) since_ms: u64,
    pub(crate) until_ms: u64,
}

impl Node {
    pub(crate) fn new(name: Arc<str>) -> Node {
        Node {
            name,
            life: 0,
            replica: None,
            born_ms: 0,
            incarnation: 0,
            is_latest: false,
            skew_ms: 0,
            is_paused: false,
            left_ms: None,
            votes: BTreeMap::new(),
            told: BTreeSet::new(),
            owed: BTreeMap::new(),
            kept: BTreeMap::new(),
            listed: BTreeSet::new(),
            born_with: BTreeSet::new(),
            apart_ms: BTreeMap::new(),
            ends: Vec::new(),
            will_pump: false,
        }
    }

    /// Begins another life; its clock is wrong by so much in this one.
    pub(crate) fn start(&mut self, now_ms: u64, skew_ms: i64) {
        let (life, before) = (self.life + 1, self.incarnation);
        *self = Node {
            life,
            born_ms: now_ms,
            skew_ms,
            ..Node::new(self.name.clone())
        };
        let incarnation = self.now(now_ms).unix_ms.cast_unsigned() * 1_000;
        self.is_latest = incarnation > before;
        self.incarnation = incarnation.max(before);
        self.replica = Some(Replica::new(Origin {
            replica: self.name.clone(),
            incarnation,
        }));
    }

    pub(crate) fn now(&self, now_ms: u64) -> Now {
        Now {
            ms: now_ms - self.born_ms,
            unix_ms: EPOCH_MS + now_ms.cast_signed() + self.skew_ms,
        }
    }

    pub(crate) fn runs(&self) -> bool {
        self.replica.is_some()
    }

    /// Whether it does anything right now.
    pub(crate) fn is_awake(&self) -> bool {
        self.runs() && !self.is_paused
    }

    /// Whether users may connect to it.
    pub(crate) fn serves(&self) -> bool {
        self.is_awake() && self.left_ms.is_none()
    }
}
