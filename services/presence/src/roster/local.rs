//! The connections of one user on this replica, and the vote that they add up to.

use super::session::SessionId;
use crate::ballot::{Ballot, Device};

/// How many devices of a user are told of.
pub(super) const DEVICES_MAX: usize = 64;

/// The connections of one user on this replica. Most users have few: its lists have no room to spare.
#[derive(Debug, Default)]
pub(super) struct Local {
    /// A grace, and how many connections have it; the greatest grace is the last.
    graces_ms: Vec<(u32, u32)>,
    /// What has something to tell, by its name and then by its session.
    devices: Vec<(SessionId, Device)>,
}

impl Local {
    /// A single connection that has nothing to tell.
    pub(super) fn single(grace_ms: u32) -> Self {
        Self {
            graces_ms: vec![(grace_ms, 1)],
            devices: Vec::new(),
        }
    }

    /// Adds a connection, and what it has to tell.
    pub(super) fn add(&mut self, grace_ms: u32, told: Option<(SessionId, Device)>) {
        match self.grace(grace_ms) {
            Ok(at) => self.graces_ms[at].1 += 1,
            Err(at) => insert(&mut self.graces_ms, at, (grace_ms, 1)),
        }
        if let Some((session, device)) = told {
            match self.place(session, &device.device) {
                Ok(at) => self.devices[at].1 = device,
                Err(at) => insert(&mut self.devices, at, (session, device)),
            }
        }
    }

    /// Removes a connection of that grace, and what it had to tell.
    pub(super) fn remove(&mut self, grace_ms: u32, told: Option<(SessionId, &str)>) {
        if let Ok(at) = self.grace(grace_ms) {
            self.graces_ms[at].1 -= 1;
            if self.graces_ms[at].1 == 0 {
                self.graces_ms.remove(at);
            }
        }
        if let Some(at) = told.and_then(|(session, name)| self.place(session, name).ok()) {
            self.devices.remove(at);
        }
    }

    /// How many connections there are.
    pub(super) fn connections(&self) -> u32 {
        self.graces_ms.iter().map(|(_, count)| count).sum()
    }

    /// Whether the vote alone says all that there is to know.
    pub(super) fn is_plain(&self) -> bool {
        self.devices.is_empty() && self.connections() <= 1
    }

    /// The vote; none without a connection.
    pub(super) fn ballot(&self) -> Option<Ballot> {
        let (grace_ms, _) = self.graces_ms.last()?;
        Some(Ballot {
            grace_ms: *grace_ms,
            is_leaving: false,
            devices: (!self.devices.is_empty()).then(|| self.told().collect()),
        })
    }

    /// A device that two sessions know by the same name, as when it moves from one gateway to
    /// another, is one device: the later session has the word.
    fn told(&self) -> impl Iterator<Item = Device> {
        let is_last = |at: usize| {
            let next = self.devices.get(at + 1);
            next.is_none_or(|(_, next)| next.device != self.devices[at].1.device)
        };
        let devices = self.devices.iter().enumerate();
        let last = devices.filter(move |(at, _)| is_last(*at));
        last.map(|(_, (_, device))| device.clone())
            .take(DEVICES_MAX)
    }

    fn grace(&self, grace_ms: u32) -> Result<usize, usize> {
        self.graces_ms
            .binary_search_by_key(&grace_ms, |(known, _)| *known)
    }

    fn place(&self, session: SessionId, name: &str) -> Result<usize, usize> {
        self.devices.binary_search_by(|(known, device)| {
            let by_name = device.device.as_str().cmp(name);
            by_name.then(known.cmp(&session))
        })
    }
}

fn insert<T>(list: &mut Vec<T>, at: usize, item: T) {
    list.reserve_exact(1);
    list.insert(at, item);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ONE: SessionId = SessionId::of(1);
    const TWO: SessionId = SessionId::of(2);

    fn device(name: &str, status: &str) -> Device {
        Device {
            device: name.to_owned(),
            status: status.to_owned(),
            ..Device::default()
        }
    }

    /// The names and what they tell.
    fn told(local: &Local) -> Vec<(String, String)> {
        let devices = local.ballot().unwrap().devices.unwrap();
        let tell = |device: &Device| (device.device.clone(), device.status.clone());
        devices.iter().map(tell).collect()
    }

    fn pair(name: &str, status: &str) -> (String, String) {
        (name.to_owned(), status.to_owned())
    }

    #[test]
    fn the_greatest_grace_counts() {
        let mut local = Local::single(5);
        local.add(9, None);
        local.add(9, None);
        assert_eq!(local.ballot().unwrap().grace_ms, 9);
        local.remove(9, None);
        assert_eq!(local.ballot().unwrap().grace_ms, 9);
        local.remove(9, None);
        assert_eq!(local.ballot().unwrap().grace_ms, 5);
        assert!(local.is_plain());
        local.remove(5, None);
        assert_eq!(local.ballot(), None);
    }

    #[test]
    fn devices_are_told_by_their_names() {
        let mut local = Local::default();
        local.add(0, Some((ONE, device("phone", "busy"))));
        local.add(0, Some((ONE, device("laptop", ""))));
        assert_eq!(told(&local), [pair("laptop", ""), pair("phone", "busy")]);
        local.remove(0, Some((ONE, "laptop")));
        local.remove(0, Some((ONE, "phone")));
        local.add(0, Some((ONE, device("phone", "free"))));
        assert_eq!(told(&local), [pair("phone", "free")]);
        assert!(!local.is_plain());
    }

    #[test]
    fn of_one_device_in_two_sessions_the_later_one_has_the_word() {
        let mut local = Local::default();
        local.add(0, Some((TWO, device("phone", "new"))));
        local.add(0, Some((ONE, device("phone", "old"))));
        assert_eq!(told(&local), [pair("phone", "new")]);
        local.remove(0, Some((TWO, "phone")));
        assert_eq!(told(&local), [pair("phone", "old")]);
    }

    #[test]
    fn at_most_64_devices_are_told() {
        let mut local = Local::default();
        for number in 0..100 {
            local.add(0, Some((ONE, device(&number.to_string(), ""))));
        }
        assert_eq!((told(&local).len(), local.connections()), (64, 100));
    }
}
