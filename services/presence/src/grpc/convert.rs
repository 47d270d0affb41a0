//! Users and devices: proto ⇄ domain.

use muster_proto::muster::presence::v1 as pb;
use prost_types::Timestamp;

use crate::ballot::Device;
use crate::error::BadField;
use crate::message::Life;
use crate::origin::Origin;
use crate::presence::Presence;
use crate::replica::{Peer, Vote};
use crate::roster::{Arrival, Departure, Event};
use crate::user::User;

const DEVICE_BYTES_MAX: usize = 64;
const STATUS_BYTES_MAX: usize = 256;
const METADATA_MAX: usize = 16;
const METADATA_BYTES_MAX: usize = 1024;
const GRACE_MS_MAX: u32 = 3_600_000;

/// The user of a field.
pub(super) fn user(field: &str, name: &str) -> Result<User, BadField> {
    User::parse(name).map_err(|why| BadField::new(field, why))
}

pub(super) fn arrival(connection: pb::Connection) -> Result<Arrival, BadField> {
    let grace_ms = connection.grace_ms;
    if grace_ms > GRACE_MS_MAX {
        let why = format!("is {grace_ms}, at most {GRACE_MS_MAX} is taken");
        return Err(BadField::new("grace_ms", why));
    }
    let told = device(connection.device.unwrap_or_default());
    Ok(Arrival {
        user: user("user", &connection.user)?,
        device: told.map_err(|bad| bad.within("device"))?,
        grace_ms,
    })
}

pub(super) fn departure(key: pb::DeviceKey) -> Result<Departure, BadField> {
    Ok(Departure {
        user: user("user", &key.user)?,
        device: key.device,
        at_once: key.at_once,
    })
}

fn device(device: pb::Device) -> Result<Device, BadField> {
    let metadata = &device.metadata;
    let bytes = metadata.iter().map(|(key, value)| key.len() + value.len());
    at_most("device", "bytes", device.device.len(), DEVICE_BYTES_MAX)?;
    at_most("status", "bytes", device.status.len(), STATUS_BYTES_MAX)?;
    at_most("metadata", "entries", metadata.len(), METADATA_MAX)?;
    at_most("metadata", "bytes", bytes.sum(), METADATA_BYTES_MAX)?;
    Ok(Device {
        device: device.device,
        status: device.status,
        metadata: device.metadata.into_iter().collect(),
    })
}

fn at_most(field: &str, unit: &str, size: usize, max: usize) -> Result<(), BadField> {
    let why = || format!("has {size} {unit}, at most {max} are taken");
    match size <= max {
        true => Ok(()),
        false => Err(BadField::new(field, why())),
    }
}

pub(super) fn presence(presence: Presence) -> pb::UserPresence {
    pb::UserPresence {
        user: presence.user.as_str().to_owned(),
        online: presence.online,
        devices: presence.devices.into_iter().map(device_told).collect(),
        last_seen: presence.last_seen_unix_ms.map(timestamp),
        version: presence.version,
    }
}

pub(crate) fn device_told(device: Device) -> pb::Device {
    pb::Device {
        device: device.device,
        status: device.status,
        metadata: device.metadata.into_iter().collect(),
    }
}

pub(super) fn vote(vote: Vote) -> pb::Vote {
    pb::Vote {
        self_vote: vote.self_vote,
        votes_for: vote.votes_for,
        total_voters: vote.total_voters,
    }
}

pub(super) fn event(event: Event) -> pb::Event {
    pb::Event {
        user: event.user.as_str().to_owned(),
        online: event.online,
        origin: Some(origin(&event.origin)),
        sequence: event.seq,
        at: Some(timestamp(event.at_unix_ms)),
    }
}

pub(super) fn replica(peer: Peer) -> pb::Replica {
    pb::Replica {
        origin: Some(origin(&peer.origin)),
        state: state(peer.life).into(),
        users: peer.users as u64,
        sequence: peer.seq,
        behind: peer.behind,
    }
}

pub(crate) fn state(life: Life) -> pb::ReplicaState {
    match life {
        Life::Up => pb::ReplicaState::Up,
        Life::Suspect => pb::ReplicaState::Suspect,
        Life::Down => pb::ReplicaState::Down,
        Life::Left => pb::ReplicaState::Left,
    }
}

pub(crate) fn origin(origin: &Origin) -> pb::Origin {
    pb::Origin {
        replica: origin.replica.as_ref().to_owned(),
        incarnation: origin.incarnation,
    }
}

fn timestamp(unix_ms: i64) -> Timestamp {
    Timestamp {
        seconds: unix_ms.div_euclid(1000),
        nanos: unix_ms.rem_euclid(1000) as i32 * 1_000_000,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn connection(device: pb::Device, grace_ms: u32) -> pb::Connection {
        pb::Connection {
            user: "Albert".to_owned(),
            device: Some(device),
            grace_ms,
        }
    }

    fn metadata(entries: usize, value_bytes: usize) -> pb::Device {
        let entry = |number: usize| (format!("{number:04}"), "x".repeat(value_bytes));
        pb::Device {
            metadata: (0..entries).map(entry).collect(),
            ..pb::Device::default()
        }
    }

    fn named(device: usize, status: usize) -> pb::Device {
        pb::Device {
            device: "x".repeat(device),
            status: "x".repeat(status),
            ..pb::Device::default()
        }
    }

    #[test]
    fn what_is_within_its_bounds_is_taken() {
        for device in [named(64, 256), metadata(16, 60), pb::Device::default()] {
            assert!(arrival(connection(device, 3_600_000)).is_ok());
        }
    }

    #[test]
    fn what_is_beyond_its_bounds_is_refused_by_its_field() {
        for (field, connection) in [
            ("user", pb::Connection::default()),
            ("grace_ms", connection(pb::Device::default(), 3_600_001)),
            ("device.device", connection(named(65, 0), 0)),
            ("device.status", connection(named(0, 257), 0)),
            ("device.metadata", connection(metadata(17, 0), 0)),
            ("device.metadata", connection(metadata(16, 61), 0)),
        ] {
            assert_eq!(arrival(connection).unwrap_err().field, field);
        }
    }

    #[test]
    fn times_before_the_epoch_are_times() {
        let at = timestamp(-1);
        assert_eq!((at.seconds, at.nanos), (-1, 999_000_000));
    }
}
