//! Users who are told together.

use crate::presence::Presence;

/// How many users one part of a snapshot, or of the changes, has at most.
pub(super) const PART_USERS: usize = 1000;
/// About how many bytes.
pub(super) const PART_BYTES: usize = 256 * 1024;

/// Users who are told together, gathered while the lock is held.
#[derive(Debug)]
pub(super) struct Telling {
    users: Vec<Presence>,
    looks: usize,
    bytes: usize,
}

impl Telling {
    /// Of users whom so many looks find, in about so many bytes.
    pub(super) fn at_most(looks: usize, bytes: usize) -> Self {
        Self {
            users: Vec::new(),
            looks,
            bytes,
        }
    }

    /// Looks at a user, who may be told or not.
    pub(super) fn look(&mut self) {
        self.looks = self.looks.saturating_sub(1);
    }

    pub(super) fn push(&mut self, presence: Presence) {
        self.bytes = self.bytes.saturating_sub(presence.size_bytes());
        self.users.push(presence);
    }

    /// Whether the others are for the next time.
    pub(super) fn is_full(&self) -> bool {
        self.looks == 0 || self.bytes == 0
    }

    pub(super) fn into_users(self) -> Vec<Presence> {
        self.users
    }
}
