//! Connections come and go: what they do to this replica's vote.

use super::held::{Holding, tells};
use super::local::Local;
use super::session::{Arrival, Departure, SessionId};
use super::state::State;
use crate::ballot::Ballot;
use crate::error::Error;
use crate::replica::{Now, UserId};
use crate::user::User;

/// A connection that goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Going<'a> {
    pub(super) grace_ms: u32,
    /// Under what name it told something.
    pub(super) told: Option<(SessionId, &'a str)>,
    /// Whether no grace holds.
    pub(super) at_once: bool,
}

impl State {
    /// A connection that has nothing to tell, and no grace.
    ///
    /// # Errors
    /// The user has too many, or the replica is leaving.
    pub(super) fn connect(&mut self, user: &User, now: Now) -> Result<UserId, Error> {
        self.admit(user)?;
        let user = self.replica.intern(user);
        let mut local = self.begin(user);
        local.add(0, None);
        self.vote(user, local, now);
        Ok(user)
    }

    /// A session's device is there, or has changed.
    ///
    /// # Errors
    /// The user has too many connections, or the replica is leaving.
    pub(super) fn arrive(
        &mut self,
        session: SessionId,
        arrival: Arrival,
        now: Now,
    ) -> Result<(), Error> {
        let Arrival {
            user,
            device,
            grace_ms,
        } = arrival;
        if !self.holds(session, &user, &device.device) {
            self.admit(&user)?;
        }
        let user = self.replica.intern(&user);
        let mut local = self.begin(user);
        let held = self.sessions.get_mut(&session).map(|open| &mut open.held);
        let before = held.and_then(|held| held.put(user, &device, grace_ms));
        if let Some(Holding { grace_ms, tells }) = before {
            local.remove(grace_ms, tells.then_some((session, &device.device)));
        }
        local.add(grace_ms, tells(&device).then_some((session, device)));
        self.vote(user, local, now);
        Ok(())
    }

    /// A session's device has gone. One that was not there is passed over.
    pub(super) fn depart(&mut self, session: SessionId, departure: &Departure, now: Now) {
        let name = &departure.device;
        let Some(user) = self.replica.id(&departure.user) else {
            return;
        };
        let held = self.sessions.get_mut(&session).map(|open| &mut open.held);
        if let Some(holding) = held.and_then(|held| held.take(user, name)) {
            let going = Going {
                grace_ms: holding.grace_ms,
                told: holding.tells.then_some((session, name)),
                at_once: departure.at_once,
            };
            self.lose(user, going, now);
        }
    }

    /// A connection has gone; those that are left vote, or the grace that runs.
    pub(super) fn lose(&mut self, user: UserId, going: Going<'_>, now: Now) {
        if self.is_leaving {
            return;
        }
        let mut local = self.take_local(user);
        local.remove(going.grace_ms, going.told);
        if going.at_once {
            self.graces.forget(user);
        } else if going.grace_ms > 0 {
            self.graces.run(user, now.ms + u64::from(going.grace_ms));
        }
        self.vote(user, local, now);
    }

    /// Votes so from now on. Other replicas need not know of a second device that has nothing to tell.
    pub(super) fn cast(&mut self, user: UserId, ballot: Option<Ballot>, now: Now) {
        if self.replica.own_ballot(user) != ballot {
            self.replica.cast(user, ballot, now);
            self.has_voted = true;
        }
    }

    /// Whether the user may have one more connection. On other replicas, only what they tell is known.
    fn admit(&self, user: &User) -> Result<(), Error> {
        if self.is_leaving {
            return Err(Error::Stopping);
        }
        let max = self.limits.connections_per_user;
        let id = self
            .replica
            .id(user)
            .filter(|id| self.replica.is_online(*id));
        let connections = id.map_or(0, |id| self.connections(id) + self.elsewhere(user, id));
        match connections < max {
            true => Ok(()),
            false => Err(Error::TooManyConnections { max }),
        }
    }

    /// How many connections the user has here.
    fn connections(&self, user: UserId) -> u32 {
        if let Some(local) = self.locals.get(&user) {
            return local.connections();
        }
        let ballot = self.replica.own_ballot(user);
        u32::from(ballot.is_some_and(|ballot| !ballot.is_leaving))
    }

    /// How many connections the user has on other replicas at least: one for each that votes for them, or as many as
    /// have something to tell.
    fn elsewhere(&self, user: &User, id: UserId) -> u32 {
        let vote = self.replica.vote(user);
        let votes = vote.votes_for - u32::from(vote.self_vote);
        if votes == 0 {
            return 0;
        }
        let ballot = self.replica.own_ballot(id);
        let own = ballot
            .and_then(|ballot| ballot.devices)
            .map_or(0, |devices| devices.len());
        let devices = self.replica.devices(id).len() - own;
        votes.max(devices as u32)
    }

    fn holds(&self, session: SessionId, user: &User, name: &str) -> bool {
        let open = self.sessions.get(&session);
        let user = self.replica.id(user);
        user.is_some_and(|user| open.is_some_and(|open| open.held.has(user, name)))
    }

    /// The user's connections, with one more to come: whoever comes back needs no grace.
    fn begin(&mut self, user: UserId) -> Local {
        let local = self.take_local(user);
        if local.connections() == 0 {
            self.graces.forget(user);
        }
        local
    }

    fn take_local(&mut self, user: UserId) -> Local {
        if let Some(local) = self.locals.remove(&user) {
            return local;
        }
        match self.replica.own_ballot(user) {
            Some(ballot) if !ballot.is_leaving => Local::single(ballot.grace_ms),
            _ => Local::default(),
        }
    }

    /// Votes with the connections that there are now.
    fn vote(&mut self, user: UserId, local: Local, now: Now) {
        let ballot = local.ballot().or_else(|| self.leaving(user, now));
        if !local.is_plain() {
            self.locals.insert(user, local);
        }
        self.cast(user, ballot, now);
    }

    /// The vote for a user without a connection, while a grace of theirs runs.
    fn leaving(&self, user: UserId, now: Now) -> Option<Ballot> {
        Some(Ballot {
            grace_ms: self.graces.remaining_ms(user, now.ms)?,
            is_leaving: true,
            devices: None,
        })
    }
}
