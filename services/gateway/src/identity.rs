//! Who a client is, and what they may be told.
//!
//! Until callers are authenticated, everybody is believed to be whoever they say: hence a gateway
//! listens beyond loopback only with `--insecure`. Whatever decides otherwise one day decides it
//! here, and nowhere else.

use http::HeaderMap;

use crate::protocol::{BadRequest, Selection, UserId};

/// Who a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// Anybody: what they say of themselves is believed.
    Believed,
}

impl Identity {
    /// Who sends a request of these headers.
    pub fn of(_: &HeaderMap) -> Identity {
        Identity::Believed
    }

    /// Whether they may be told these events.
    ///
    /// # Errors
    /// What to answer.
    pub fn may_subscribe(self, _: &Selection) -> Result<(), BadRequest> {
        match self {
            Identity::Believed => Ok(()),
        }
    }

    /// Whether they may be told who of these is online.
    ///
    /// # Errors
    /// What to answer.
    pub fn may_monitor(self, _: &[UserId]) -> Result<(), BadRequest> {
        match self {
            Identity::Believed => Ok(()),
        }
    }
}
