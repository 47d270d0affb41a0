//! What a replica votes with.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::user::User;

/// A device through which a user is here, and what it tells. Bounded where it comes in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Which of the user's devices.
    pub device: String,
    /// What the user says about themselves.
    pub status: String,
    /// Whatever else is worth telling.
    pub metadata: BTreeMap<String, String>,
}

impl Device {
    /// About how many bytes it takes in a message.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let metadata = self
            .metadata
            .iter()
            .map(|(key, value)| key.len() + value.len() + 8);
        self.device.len() + self.status.len() + metadata.sum::<usize>() + 8
    }
}

/// The devices of one user on one replica that have something to tell.
pub type Devices = Arc<[Device]>;

/// A vote for a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ballot {
    /// How long the user stays online when the replica goes, or when `is_leaving`.
    pub grace_ms: u32,
    /// Whether the user's devices are gone and their grace runs.
    pub is_leaving: bool,
    /// None: there is nothing to tell.
    pub devices: Option<Devices>,
}

/// An origin changed its mind about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// Whom the vote is about.
    pub user: User,
    /// With what the origin votes for them; none: it does not.
    pub ballot: Option<Ballot>,
    /// When, in milliseconds since the Unix epoch, by the origin's clock.
    pub at_unix_ms: i64,
}
