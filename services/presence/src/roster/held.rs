//! The devices of one session.

use std::collections::{BTreeMap, HashMap};

use crate::ballot::Device;
use crate::replica::UserId;

/// A device that has nothing to tell, not even a name, costs its session 8 bytes and a place in a table: a gateway may
/// hold a million. The others are kept by name.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The grace of each plain one, in milliseconds.
    plain: HashMap<UserId, u32>,
    /// The grace of each other one, in milliseconds, by its name.
    telling: HashMap<UserId, BTreeMap<String, u32>>,
}

/// A device of a session that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Holding {
    pub(super) grace_ms: u32,
    /// Whether it has something to tell.
    pub(super) tells: bool,
}

/// Whether a device has something to tell.
pub(super) fn tells(device: &Device) -> bool {
    *device != Device::default()
}

impl Held {
    /// Notes a device; the one that it replaces.
    pub(super) fn put(&mut self, user: UserId, device: &Device, grace_ms: u32) -> Option<Holding> {
        let before = self.take(user, &device.device);
        if tells(device) {
            let devices = self.telling.entry(user).or_default();
            devices.insert(device.device.clone(), grace_ms);
        } else {
            self.plain.insert(user, grace_ms);
        }
        before
    }

    /// Forgets a device, if it is there.
    pub(super) fn take(&mut self, user: UserId, name: &str) -> Option<Holding> {
        if name.is_empty()
            && let Some(grace_ms) = self.plain.remove(&user)
        {
            let tells = false;
            return Some(Holding { grace_ms, tells });
        }
        let devices = self.telling.get_mut(&user)?;
        let grace_ms = devices.remove(name)?;
        if devices.is_empty() {
            self.telling.remove(&user);
        }
        let tells = true;
        Some(Holding { grace_ms, tells })
    }

    /// Whether the device is there.
    pub(super) fn has(&self, user: UserId, name: &str) -> bool {
        let tells = || self.telling.get(&user)?.get(name);
        (name.is_empty() && self.plain.contains_key(&user)) || tells().is_some()
    }

    /// All of them: whose, of what name, and what it is.
    pub(super) fn into_all(self) -> impl Iterator<Item = (UserId, String, Holding)> {
        let plain = self.plain.into_iter().map(|(user, grace_ms)| {
            let tells = false;
            (user, String::new(), Holding { grace_ms, tells })
        });
        let telling = self.telling.into_iter().flat_map(|(user, devices)| {
            let tells = true;
            let devices = devices.into_iter();
            devices.map(move |(name, grace_ms)| (user, name, Holding { grace_ms, tells }))
        });
        plain.chain(telling)
    }

    /// How many users they are of, at least.
    pub(super) fn len(&self) -> usize {
        self.plain.len() + self.telling.len()
    }
}
