//! The devices of one session.

use std::collections::HashMap;

use crate::ballot::Device;
use crate::replica::UserId;

/// A device that has nothing to tell, not even a name, costs its session 8 bytes and a place in a table: a gateway may
/// hold a million. The others are kept by name.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The grace of each plain one, in milliseconds.
    plain: HashMap<UserId, u32>,
    /// The grace of each other one, in milliseconds, by its name.
    telling: HashMap<(UserId, Box<str>), u32>,
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
            let name = device.device.as_str().into();
            self.telling.insert((user, name), grace_ms);
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
        let grace_ms = self.telling.remove(&(user, name.into()))?;
        let tells = true;
        Some(Holding { grace_ms, tells })
    }

    /// Whether the device is there.
    pub(super) fn has(&self, user: UserId, name: &str) -> bool {
        let is_plain = name.is_empty() && self.plain.contains_key(&user);
        is_plain || self.telling.contains_key(&(user, name.into()))
    }

    /// All of them: whose, of what name, and what it is.
    pub(super) fn into_all(self) -> impl Iterator<Item = (UserId, Box<str>, Holding)> {
        let plain = self.plain.into_iter().map(|(user, grace_ms)| {
            let tells = false;
            (user, "".into(), Holding { grace_ms, tells })
        });
        let telling = self.telling.into_iter().map(|((user, name), grace_ms)| {
            let tells = true;
            (user, name, Holding { grace_ms, tells })
        });
        plain.chain(telling)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.plain.len() + self.telling.len()
    }
}
