//! What a roster does, without a wire and with a clock of the test's own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;
mod events;
mod grace;
mod monitors;
mod sessions;

use std::sync::Arc;

use super::session::SessionId;
use super::state::State;
use super::*;
use crate::ballot::{Ballot, Device};

pub(super) fn user(name: &str) -> User {
    User::parse(name).unwrap()
}

pub(super) fn me() -> Origin {
    Origin {
        replica: "here".into(),
        incarnation: 1,
    }
}

pub(super) fn replica() -> Replica {
    Replica::new(me())
}

/// Numbers of some users.
pub(super) fn ids<const N: usize>(replica: &mut Replica) -> [UserId; N] {
    std::array::from_fn(|number| replica.intern(&user(&format!("user-{number}"))))
}

fn roster() -> Arc<Roster> {
    Roster::new(me(), RosterLimits::default())
}

/// That many milliseconds after the start.
fn at(ms: u64) -> Now {
    Now {
        ms,
        unix_ms: 1_000_000 + ms as i64,
    }
}

fn device(name: &str, status: &str) -> Device {
    Device {
        device: name.to_owned(),
        status: status.to_owned(),
        ..Device::default()
    }
}

fn arrival(name: &str, device: Device, grace_ms: u32) -> Arrival {
    Arrival {
        user: user(name),
        device,
        grace_ms,
    }
}

fn departure(name: &str, device: &str, at_once: bool) -> Departure {
    Departure {
        user: user(name),
        device: device.to_owned(),
        at_once,
    }
}
