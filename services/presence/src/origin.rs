//! Who votes.

use std::fmt;
use std::sync::Arc;

/// One life of one replica: all that votes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    /// Names the replica among all, over restarts too: the `host:port` at which others dial it.
    pub replica: Arc<str>,
    /// Grows with each start of the replica.
    pub incarnation: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.replica, self.incarnation)
    }
}
