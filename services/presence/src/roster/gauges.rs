//! What a roster tells of itself at `/metrics`.

use metrics::gauge;

use super::state::State;

/// How many there are of what, now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counts {
    users_online: usize,
    own_votes: usize,
    monitors: usize,
    sessions: usize,
    watched_users: usize,
}

impl Counts {
    pub(super) fn of(state: &State) -> Self {
        let own = state.replica.replicas().into_iter().next();
        let watched = state.sessions.values().map(|open| open.watched.len());
        Self {
            users_online: state.replica.online_count(),
            own_votes: own.map_or(0, |own| own.users),
            monitors: state.monitors,
            sessions: state.sessions.len(),
            watched_users: watched.sum(),
        }
    }

    pub(super) fn tell(self) {
        gauge!("presence_users_online").set(self.users_online as f64);
        gauge!("presence_own_votes").set(self.own_votes as f64);
        gauge!("presence_monitors").set(self.monitors as f64);
        gauge!("presence_sessions").set(self.sessions as f64);
        gauge!("presence_watched_users").set(self.watched_users as f64);
    }
}
