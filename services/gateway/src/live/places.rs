//! How many connections there may be, and which there are.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use axum::http::StatusCode;

use crate::hub::{Close, Mailbox, Office};

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In all.
    pub connections: usize,
    /// From one address: a proxy's counts for all behind it.
    pub per_addr: u32,
    /// That are subscribed to the messages of one user.
    pub per_user: u32,
}

/// All connections. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: Limits,
    office: Arc<Office>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    mailboxes: HashMap<u64, Weak<Mailbox>>,
    by_addr: HashMap<IpAddr, u32>,
    last_number: u64,
    is_closed: bool,
}

/// A connection has it as long as it is there.
#[derive(Debug)]
pub(super) struct Place {
    number: u64,
    addr: Option<IpAddr>,
    places: Places,
}

/// There is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("the gateway has as many connections as it takes")]
    All,
    #[error("there are too many connections from this address")]
    Addr,
    #[error("the gateway stops: try again")]
    Stopping,
}

impl Full {
    /// As HTTP says it.
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::All | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
            Self::Addr => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

impl Places {
    pub(super) fn new(limits: Limits) -> Places {
        Places(Arc::new(Shared {
            limits,
            office: Arc::default(),
            taken: Mutex::default(),
        }))
    }

    /// What the mailboxes of all connections have in common.
    pub(super) fn office(&self) -> &Arc<Office> {
        &self.0.office
    }

    /// A place for a connection from this address.
    pub(super) fn take(&self, addr: Option<IpAddr>, mailbox: &Arc<Mailbox>) -> Result<Place, Full> {
        let limits = self.0.limits;
        let mut taken = self.taken();
        if taken.is_closed {
            return Err(Full::Stopping);
        }
        if taken.mailboxes.len() >= limits.connections {
            return Err(Full::All);
        }
        if let Some(addr) = addr {
            let of_addr = taken.by_addr.entry(addr).or_default();
            if *of_addr >= limits.per_addr {
                return Err(Full::Addr);
            }
            *of_addr += 1;
        }
        taken.last_number += 1;
        let number = taken.last_number;
        taken.mailboxes.insert(number, Arc::downgrade(mailbox));
        let places = self.clone();
        Ok(Place {
            number,
            addr,
            places,
        })
    }

    /// Closes all connections, and takes no more.
    pub(super) fn close_all(&self) {
        self.taken().is_closed = true;
        self.mailboxes()
            .iter()
            .for_each(|mailbox| mailbox.close(Close::Stopping));
    }

    /// Closes the connections that have had a page for so long.
    pub(super) fn close_held(&self, longest: Duration) {
        self.mailboxes()
            .iter()
            .for_each(|mailbox| mailbox.close_if_held(longest));
    }

    fn mailboxes(&self) -> Vec<Arc<Mailbox>> {
        let taken = self.taken();
        taken.mailboxes.values().filter_map(Weak::upgrade).collect()
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.mailboxes.remove(&self.number);
        let Some(addr) = self.addr else { return };
        if let Some(of_addr) = taken.by_addr.get_mut(&addr) {
            *of_addr -= 1;
            if *of_addr == 0 {
                taken.by_addr.remove(&addr);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connections: 3,
        per_addr: 2,
        per_user: 1,
    };

    fn take(places: &Places, addr: [u8; 4]) -> Result<Place, Full> {
        places.take(Some(addr.into()), &Mailbox::new(places.office()))
    }

    #[test]
    fn a_place_is_free_again_when_its_connection_goes() {
        let places = Places::new(LIMITS);
        let (here, there) = ([127, 0, 0, 1], [127, 0, 0, 2]);
        let first = take(&places, here).unwrap();
        let _second = take(&places, here).unwrap();
        assert_eq!(take(&places, here).unwrap_err(), Full::Addr);
        let third = take(&places, there).unwrap();
        assert_eq!(take(&places, there).unwrap_err(), Full::All);
        drop(first);
        assert_eq!(take(&places, there).map(drop), Ok(()));
        drop(third);
        assert_eq!(places.taken().by_addr.len(), 1);
    }

    #[test]
    fn on_a_stop_all_are_closed_and_none_is_taken() {
        let places = Places::new(LIMITS);
        let mailbox = Mailbox::new(places.office());
        let _place = places.take(None, &mailbox).unwrap();
        places.close_all();
        assert_eq!(take(&places, [127, 0, 0, 1]).unwrap_err(), Full::Stopping);
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        assert_eq!(mailbox.poll_closed(&mut cx), Some(Close::Stopping));
    }
}
