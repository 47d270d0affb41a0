//! What is told about users.

use crate::ballot::Device;
use crate::user::User;

/// What is known about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Who.
    pub user: User,
    /// Whether they are online.
    pub online: bool,
    /// Their devices that have something to tell, on all replicas.
    pub devices: Vec<Device>,
    /// When a user who is offline was last online, in milliseconds since the Unix epoch, if that is known.
    pub last_seen_unix_ms: Option<i64>,
    /// How many changes of any user this replica had seen.
    pub version: u64,
}

impl Presence {
    /// About how many bytes it takes in a message.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let devices: usize = self.devices.iter().map(Device::size_bytes).sum();
        self.user.as_str().len() + devices + 32
    }
}
