//! A connection that has nothing to tell.

use std::sync::Arc;

use super::Roster;
use super::connections::Going;
use crate::replica::UserId;

/// A device of a user; dropping it disconnects it, without any grace.
#[derive(Debug)]
pub struct Connection {
    roster: Arc<Roster>,
    user: UserId,
}

impl Connection {
    pub(super) fn new(roster: Arc<Roster>, user: UserId) -> Self {
        Self { roster, user }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let going = Going {
            grace_ms: 0,
            told: None,
            at_once: false,
        };
        self.roster
            .act(|state, now| state.lose(self.user, going, now));
    }
}
