//! The Vote CRDT: the view of a user's votes by which Cloudstate specifies presence.
//!
//! There, each node keeps a counter for each user, adds one whenever it changes its mind, and votes yes while the
//! counter is odd; merging takes the greater counter of each node, and the votes of nodes that are no members do not
//! count. Those counters can never be forgotten. Here an origin numbers *all* its changes of mind in one sequence,
//! and keeps only the users whose counter is odd. As each origin is written by itself alone, (incarnation, sequence)
//! says exactly which state of it one knows, merging takes the later one, and a user without votes leaves no trace.

/// How replicas vote for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vote {
    /// Whether this replica votes for them.
    pub self_vote: bool,
    /// How many replicas do, graces of replicas that have gone aside.
    pub votes_for: u32,
    /// How many replicas may.
    pub total_voters: u32,
}

impl Vote {
    /// The decider of presence: at least one.
    #[must_use]
    pub fn at_least_one(&self) -> bool {
        self.votes_for > 0
    }
}
