//! Which nodes must hear each other, and what is expected of that.

use crate::world::{NODES_MAX, World};

/// How long it may take until all is heard over a link.
pub(crate) const SETTLE_MS: u64 = 2_000;
/// How long a link may be away until the nodes are apart.
const RELINK_MS: u64 = 200;
/// Links on the way from a node to who must hear it.
const HOPS_MAX: usize = 3;

/// What is to be expected.
#[derive(Debug)]
pub(crate) struct Book {
    pairs: [[Pair; NODES_MAX]; NODES_MAX],
    /// When something went wrong that takes a while to be noticed.
    pub(crate) disturbed_ms: Option<u64>,
    /// Until when somebody's vote may keep a user online for a node.
    pub(crate) online_until_ms: [Vec<u64>; NODES_MAX],
}

/// Two nodes, of which the first has the lower number.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pair {
    /// When they last had no link in use.
    pub(crate) apart_ms: u64,
    /// Since when they have none.
    unlinked_ms: Option<u64>,
}

impl Book {
    pub(crate) fn new(users: usize) -> Book {
        Book {
            pairs: Default::default(),
            disturbed_ms: None,
            online_until_ms: [(); NODES_MAX].map(|()| vec![0; users]),
        }
    }

    /// Nothing is expected of the links of a node for a while.
    pub(crate) fn unsettle(&mut self, n: usize, now_ms: u64) {
        (0..NODES_MAX).for_each(|other| self.unsettle_pair(n, other, now_ms));
    }

    pub(crate) fn unsettle_pair(&mut self, one: usize, other: usize, now_ms: u64) {
        self.pairs[one.min(other)][one.max(other)].apart_ms = now_ms;
    }

    pub(crate) fn pair(&self, one: usize, other: usize) -> &Pair {
        &self.pairs[one.min(other)][one.max(other)]
    }

    fn is_settled(&self, one: usize, other: usize, now_ms: u64) -> bool {
        now_ms >= self.pair(one, other).apart_ms + SETTLE_MS
    }
}

impl World {
    pub(crate) fn look_at_pairs(&mut self) {
        for one in 0..self.nodes.len() {
            for other in one + 1..self.nodes.len() {
                let (is_linked, may_be) = (self.are_linked(one, other), self.may_link(one, other));
                let (pair, now_ms) = (&mut self.book.pairs[one][other], self.now_ms);
                if is_linked {
                    pair.unlinked_ms = None;
                    continue;
                }
                let unlinked_ms = *pair.unlinked_ms.get_or_insert(now_ms);
                if !may_be || now_ms > unlinked_ms + RELINK_MS {
                    pair.apart_ms = now_ms;
                }
            }
        }
    }

    fn may_link(&self, one: usize, other: usize) -> bool {
        let are_awake = self.nodes[one].is_awake() && self.nodes[other].is_awake();
        are_awake && !self.cut[one][other] && !self.cut[other][one]
    }

    pub(crate) fn are_linked(&self, one: usize, other: usize) -> bool {
        let mut links = self.nodes[one]
            .ends
            .iter()
            .map(|(link, _)| &self.links[*link]);
        self.may_link(one, other)
            && links.any(|link| {
                link.sides.iter().any(|side| side.node == other)
                    && link.is_established()
                    && link.stalled_until_ms <= self.now_ms
            })
    }

    /// Whether a node must hear of another one's votes, directly or by way of others.
    pub(crate) fn hears(&self, n: usize, voter: usize) -> bool {
        if self.profile.loss.is_some() || !self.nodes[voter].serves() {
            return false;
        }
        let mut near = [false; NODES_MAX];
        near[voter] = true;
        for _ in 0..HOPS_MAX {
            let before = near;
            for one in (0..self.nodes.len()).filter(|one| before[*one]) {
                for (other, is_near) in near.iter_mut().enumerate().take(self.nodes.len()) {
                    *is_near |= other != one && self.is_in_use(one, other);
                }
            }
        }
        near[n]
    }

    pub(crate) fn is_in_use(&self, one: usize, other: usize) -> bool {
        self.may_link(one, other) && self.book.is_settled(one, other, self.now_ms)
    }
}
