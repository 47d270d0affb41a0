//! The endpoints of a channel and whose turn it is.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper::client::conn::http2::SendRequest;
use tokio::sync::Notify;
use tonic::body::Body;

/// Sends requests over one connection.
pub(super) type Connection = SendRequest<Body>;

/// All listed endpoints. A short lock, never held across a wait.
#[derive(Default)]
pub(super) struct Table {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    slots: BTreeMap<Arc<str>, Slot>,
    /// Who had the last turn. By name, so that the rotation stands whoever comes and goes.
    last: Option<Arc<str>>,
    listings: u64,
}

struct Slot {
    /// Tells an endpoint from the one that had its address before.
    listing: u64,
    connection: Option<Connection>,
    trouble: Option<String>,
}

impl Table {
    /// Lists an endpoint and returns the number of this listing.
    pub(super) fn list(&self, addr: &Arc<str>) -> u64 {
        let mut state = self.lock();
        state.listings += 1;
        let slot = Slot {
            listing: state.listings,
            connection: None,
            trouble: None,
        };
        let listing = slot.listing;
        state.slots.insert(addr.clone(), slot);
        listing
    }

    /// Takes an endpoint out. Calls that are under way go on.
    pub(super) fn delist(&self, addr: &str) {
        self.lock().slots.remove(addr);
    }

    /// An endpoint is connected.
    pub(super) fn ready(&self, addr: &str, listing: u64, connection: Connection) {
        self.update(addr, listing, |slot| {
            slot.connection = Some(connection);
            slot.trouble = None;
        });
    }

    /// An endpoint is not connected, for a reason where connecting to it failed.
    pub(super) fn lost(&self, addr: &str, listing: u64, trouble: Option<String>) {
        self.update(addr, listing, |slot| {
            slot.connection = None;
            slot.trouble = trouble;
        });
    }

    fn update(&self, addr: &str, listing: u64, change: impl FnOnce(&mut Slot)) {
        let mut state = self.lock();
        if let Some(slot) = state.slots.get_mut(addr).filter(|s| s.listing == listing) {
            change(slot);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The address as it is listed.
    pub(super) fn listed(&self, addr: &str) -> Option<Arc<str>> {
        let state = self.lock();
        state
            .slots
            .get_key_value(addr)
            .map(|(addr, _)| addr.clone())
    }

    /// The connection to an endpoint, if there is one.
    pub(super) fn connection(&self, addr: &str) -> Option<Connection> {
        self.lock().slots.get(addr)?.live().cloned()
    }

    /// The endpoint whose turn it is, as soon as one is ready.
    pub(super) async fn next(&self) -> Arc<str> {
        self.wait_for(State::turn).await
    }

    /// Why connecting failed, as soon as it did.
    pub(super) async fn trouble(&self) -> String {
        let first = |state: &mut State| state.slots.values().find_map(|slot| slot.trouble.clone());
        self.wait_for(first).await
    }

    async fn wait_for<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Before looking: a change after the look is not missed.
            changed.as_mut().enable();
            let found = look(&mut self.lock());
            if let Some(found) = found {
                return found;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next ready endpoint after the last turn's, in the order of their names.
    fn turn(&mut self) -> Option<Arc<str>> {
        let ready = |(addr, slot): (&Arc<str>, &Slot)| slot.live().map(|_| addr.clone());
        let after = match self.last.clone() {
            Some(last) => self
                .slots
                .range((Bound::Excluded(last), Bound::Unbounded))
                .find_map(ready),
            None => None,
        };
        let turn = after.or_else(|| self.slots.iter().find_map(ready))?;
        self.last = Some(turn.clone());
        Some(turn)
    }
}

impl Slot {
    /// A connection that ended counts for none even before its task says so.
    fn live(&self) -> Option<&Connection> {
        self.connection.as_ref().filter(|c| !c.is_closed())
    }
}
