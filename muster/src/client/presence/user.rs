//! What is known about a user, as it is printed.

use std::collections::BTreeMap;

use muster_proto::muster::presence::v1 as pb;
use serde_json::{Value, json};

use crate::client::calendar::time;

/// A line about a user who is online.
pub(super) fn line(user: &pb::UserPresence) -> String {
    let devices: Vec<_> = user.devices.iter().map(told).collect();
    match devices.is_empty() {
        true => user.user.clone(),
        false => format!("{}  {}", user.user, devices.join(", ")),
    }
}

/// `phone: in a meeting`.
fn told(device: &pb::Device) -> String {
    let (name, status) = (device.device.escape_debug(), device.status.escape_debug());
    match (device.device.is_empty(), device.status.is_empty()) {
        (false, false) => format!("{name}: {status}"),
        (false, true) => name.to_string(),
        (true, _) => status.to_string(),
    }
}

pub(super) fn object(user: &pb::UserPresence) -> Value {
    let devices: Vec<_> = user.devices.iter().map(device).collect();
    let last_seen = user.last_seen.as_ref().map(|seen| time(Some(seen)));
    json!({
        "name": user.user,
        "online": user.online,
        "devices": devices,
        "last_seen": last_seen,
    })
}

fn device(device: &pb::Device) -> Value {
    // A map has another order each time.
    let metadata: BTreeMap<_, _> = device.metadata.iter().collect();
    json!({
        "device": device.device,
        "status": device.status,
        "metadata": metadata,
    })
}
