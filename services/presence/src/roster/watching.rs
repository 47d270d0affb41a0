//! Users who are newly watched by a session, on their way to be told.

use std::collections::{HashSet, VecDeque};

use super::ring::Ring;
use crate::replica::UserId;
use crate::user::User;

/// The users of one request, until they are told.
#[derive(Debug, Default)]
pub struct Watching {
    resume: Option<Resume>,
    /// Who is to be told.
    users: VecDeque<UserId>,
}

impl Watching {
    pub(super) fn new(resume: Option<Resume>) -> Self {
        Self {
            resume,
            users: VecDeque::new(),
        }
    }

    /// Whether only those who changed since the cursor are told.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.resume.is_some()
    }

    /// Takes in the changes of meanwhile. To be called before [`Watching::push`], under the same lock.
    pub(super) fn follow(&mut self, ring: &Ring) {
        if let Some(resume) = &mut self.resume {
            resume.follow(ring);
        }
    }

    /// Whether the user is to be told, having changed since the cursor.
    pub(super) fn is_news(&self, user: &User) -> bool {
        self.resume
            .as_ref()
            .is_none_or(|resume| resume.has_changed(user))
    }

    pub(super) fn push(&mut self, user: UserId) {
        self.users.push_back(user);
    }

    pub(super) fn pop(&mut self) -> Option<UserId> {
        self.users.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }
}

/// Who has changed since a cursor.
#[derive(Debug)]
pub(super) struct Resume {
    changed: HashSet<User>,
    position: u64,
    /// Changes went out of the ring before they were taken in: anybody may have changed.
    is_lost: bool,
}

impl Resume {
    /// None if what came behind the position is not known.
    pub(super) fn since(ring: &Ring, position: u64) -> Option<Self> {
        ring.since(position).is_some().then(|| Self {
            changed: HashSet::new(),
            position,
            is_lost: false,
        })
    }

    fn follow(&mut self, ring: &Ring) {
        match ring.since(self.position) {
            Some(changes) => self
                .changed
                .extend(changes.map(|change| change.user.clone())),
            None => self.is_lost = true,
        }
        self.position = ring.end();
    }

    fn has_changed(&self, user: &User) -> bool {
        self.is_lost || self.changed.contains(user)
    }
}
