//! Who is online: the users of this gateway's sockets are told to presence, and what presence tells
//! goes to the sockets that monitor users.
//!
//! One session with presence carries it all. While there is none, nothing is told: what sockets
//! have heard stands, and who asks anew waits.

mod difference;
mod roster;
mod session;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use self::roster::Roster;
pub use self::session::keep;
use crate::hub::Mailbox;
use crate::protocol::{BadRequest, UserId};

/// Users who may be monitored by all sockets together: presence takes twice as many.
const MAX_MONITORED: usize = 500_000;

/// What this gateway has to do with presence. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Online(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    roster: Mutex<Roster>,
    /// There is something to tell presence.
    changed: Notify,
}

/// Keeps a user online as long as it is there, and their grace beyond.
#[derive(Debug)]
pub struct Present {
    user: UserId,
    online: Online,
}

/// Monitors users as long as it is there.
#[derive(Debug)]
pub struct Monitoring {
    number: u64,
    online: Online,
}

impl Online {
    /// A socket of this user is there.
    ///
    /// # Errors
    /// The user has as many already as anybody may have.
    pub fn enter(&self, user: UserId, most: u32) -> Result<Present, BadRequest> {
        let is_room = self.change(|roster| {
            let is_room = roster.present.times(user) < most;
            if is_room {
                roster.present.want(user);
            }
            is_room
        });
        let online = self.clone();
        let full = || {
            BadRequest::field(
                "user_id",
                format!("the user has {most} connections already"),
            )
        };
        is_room.then_some(Present { user, online }).ok_or_else(full)
    }

    /// Tells a socket who of these users is online: all of them at first, then each change.
    ///
    /// # Errors
    /// All sockets together monitor as many users as they may.
    pub fn monitor(
        &self,
        mailbox: &Arc<Mailbox>,
        users: Vec<UserId>,
    ) -> Result<Monitoring, BadRequest> {
        let number = self.change(|roster| {
            let is_room = roster.monitored_users() + users.len() <= MAX_MONITORED;
            is_room.then(|| roster.monitor(Arc::clone(mailbox), users))
        });
        let online = self.clone();
        let full = || BadRequest::field("users", "the gateway monitors as many users as it can");
        let number = number.ok_or_else(full)?;
        Ok(Monitoring { number, online })
    }

    fn change<T>(&self, change: impl FnOnce(&mut Roster) -> T) -> T {
        let done = change(&mut self.roster());
        self.0.changed.notify_one();
        done
    }

    fn roster(&self) -> MutexGuard<'_, Roster> {
        self.0.roster.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.online
            .change(|roster| roster.present.unwant(self.user));
    }
}

impl Drop for Monitoring {
    fn drop(&mut self) {
        self.online.change(|roster| roster.end_monitor(self.number));
    }
}
