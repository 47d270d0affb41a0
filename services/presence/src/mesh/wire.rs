//! What replicas say to each other, as messages on the wire and back.

use muster_kit::status;
use muster_proto::muster::presence::v1 as pb;
use pb::peer_message::Body;
use tonic::Status;

use crate::ballot::{Ballot, Delta, Device, Devices};
use crate::grpc::convert;
use crate::message::{
    Ballots, Deltas, From, Hello, Life, Lingering, Message, Status as OriginStatus, Want,
};
use crate::origin::Origin;
use crate::user::User;

/// Devices of one user in one vote, at most.
const DEVICES_MAX: usize = 64;

/// What a replica said. None: something that a later version says and this one does not know.
pub(super) fn message(message: pb::PeerMessage) -> Result<Option<Message>, Status> {
    let Some(body) = message.body else {
        return Ok(None);
    };
    Ok(Some(match body {
        Body::Hello(hello) => Message::Hello(Hello {
            origin: origin(hello.origin)?,
            is_new: hello.is_new,
        }),
        Body::Report(report) => Message::Report(all(report.origins, status_of)?),
        Body::Want(want) => Message::Want(want_of(want)?),
        Body::Deltas(deltas) => Message::Deltas(Deltas {
            origin: origin(deltas.origin)?,
            first_seq: deltas.first_sequence.max(1),
            deltas: all(deltas.deltas, delta)?,
        }),
        Body::Ballots(ballots) => Message::Ballots(Ballots {
            origin: origin(ballots.origin)?,
            seq: ballots.sequence,
            part: ballots.part,
            is_last: ballots.is_last,
            ballots: all(ballots.ballots, ballot)?,
        }),
        Body::Lingering(lingering) => Message::Lingering(Lingering {
            origin: origin(lingering.origin)?,
            users: all(lingering.users, |of| {
                Ok((user(&of.user)?, of.sequence, of.remaining_ms))
            })?,
        }),
        Body::LastSeen(seen) => {
            Message::LastSeen(all(seen.users, |of| Ok((user(&of.user)?, of.at_unix_ms)))?)
        }
    }))
}

/// What a replica says.
pub(super) fn peer_message(message: Message) -> pb::PeerMessage {
    let body = match message {
        Message::Hello(hello) => Body::Hello(pb::Hello {
            origin: Some(convert::origin(&hello.origin)),
            is_new: hello.is_new,
        }),
        Message::Report(statuses) => Body::Report(pb::Report {
            origins: statuses.into_iter().map(status_message).collect(),
        }),
        Message::Want(want) => Body::Want(want_message(&want)),
        Message::Deltas(deltas) => Body::Deltas(pb::Deltas {
            origin: Some(convert::origin(&deltas.origin)),
            first_sequence: deltas.first_seq,
            deltas: deltas.deltas.into_iter().map(delta_message).collect(),
        }),
        Message::Ballots(ballots) => Body::Ballots(pb::Ballots {
            origin: Some(convert::origin(&ballots.origin)),
            sequence: ballots.seq,
            part: ballots.part,
            is_last: ballots.is_last,
            ballots: ballots.ballots.into_iter().map(ballot_message).collect(),
        }),
        Message::Lingering(lingering) => Body::Lingering(pb::Lingering {
            origin: Some(convert::origin(&lingering.origin)),
            users: lingering.users.into_iter().map(lingering_message).collect(),
        }),
        Message::LastSeen(seen) => Body::LastSeen(pb::LastSeen {
            users: seen.into_iter().map(last_seen_message).collect(),
        }),
    };
    pb::PeerMessage { body: Some(body) }
}

fn all<T, U>(items: Vec<T>, one: impl Fn(T) -> Result<U, Status>) -> Result<Vec<U>, Status> {
    items.into_iter().map(one).collect()
}

fn user(name: &str) -> Result<User, Status> {
    User::parse(name).map_err(|why| status::invalid("user", why.to_string()))
}

fn origin(message: Option<pb::Origin>) -> Result<Origin, Status> {
    let message = message.unwrap_or_default();
    match message.replica.len() {
        1..=255 => Ok(Origin {
            replica: message.replica.into(),
            incarnation: message.incarnation,
        }),
        _ => Err(status::invalid("origin.replica", "expected 1 to 255 bytes")),
    }
}

fn status_of(message: pb::OriginStatus) -> Result<OriginStatus, Status> {
    let life = match message.state() {
        pb::ReplicaState::Up => Life::Up,
        pb::ReplicaState::Suspect => Life::Suspect,
        // A state that is not known keeps nobody alive.
        pb::ReplicaState::Down | pb::ReplicaState::Unspecified => Life::Down,
        pb::ReplicaState::Left => Life::Left,
    };
    Ok(OriginStatus {
        origin: origin(message.origin)?,
        seq: message.sequence,
        is_known: message.is_known,
        digest: message.digest,
        beat: message.beat,
        life,
    })
}

fn status_message(status: OriginStatus) -> pb::OriginStatus {
    pb::OriginStatus {
        origin: Some(convert::origin(&status.origin)),
        sequence: status.seq,
        is_known: status.is_known,
        digest: status.digest,
        beat: status.beat,
        state: convert::state(status.life).into(),
    }
}

fn want_of(message: pb::Want) -> Result<Want, Status> {
    let from = match (message.no_more, message.whole) {
        (true, _) => From::Nowhere,
        (false, true) => From::Start,
        (false, false) => From::After(message.after_sequence),
    };
    Ok(Want {
        origin: origin(message.origin)?,
        from,
    })
}

fn want_message(want: &Want) -> pb::Want {
    pb::Want {
        origin: Some(convert::origin(&want.origin)),
        after_sequence: match want.from {
            From::After(seq) => seq,
            From::Start | From::Nowhere => 0,
        },
        whole: want.from == From::Start,
        no_more: want.from == From::Nowhere,
    }
}

fn delta(message: pb::Delta) -> Result<Delta, Status> {
    let ballot = || ballot_of(message.grace_ms, message.is_leaving, message.devices);
    Ok(Delta {
        user: user(&message.user)?,
        ballot: message.yes.then(ballot).transpose()?,
        at_unix_ms: message.at_unix_ms,
    })
}

fn delta_message(delta: Delta) -> pb::Delta {
    let yes = delta.ballot.is_some();
    let ballot = delta.ballot.unwrap_or_default();
    pb::Delta {
        user: delta.user.as_str().to_owned(),
        yes,
        grace_ms: ballot.grace_ms,
        is_leaving: ballot.is_leaving,
        devices: device_messages(ballot.devices.as_deref()),
        at_unix_ms: delta.at_unix_ms,
    }
}

fn ballot(message: pb::Ballot) -> Result<(User, u64, Ballot), Status> {
    let ballot = ballot_of(message.grace_ms, message.is_leaving, message.devices)?;
    Ok((user(&message.user)?, message.sequence, ballot))
}

fn ballot_message((user, seq, ballot): (User, u64, Ballot)) -> pb::Ballot {
    pb::Ballot {
        user: user.as_str().to_owned(),
        sequence: seq,
        grace_ms: ballot.grace_ms,
        is_leaving: ballot.is_leaving,
        devices: device_messages(ballot.devices.as_deref()),
    }
}

fn ballot_of(grace_ms: u32, is_leaving: bool, devices: Vec<pb::Device>) -> Result<Ballot, Status> {
    if devices.len() > DEVICES_MAX {
        return Err(status::invalid(
            "devices",
            format!("expected {DEVICES_MAX} at most"),
        ));
    }
    let devices: Option<Devices> = match devices.is_empty() {
        true => None,
        false => Some(devices.into_iter().map(device).collect()),
    };
    Ok(Ballot {
        grace_ms,
        is_leaving,
        devices,
    })
}

fn device(message: pb::Device) -> Device {
    Device {
        device: message.device,
        status: message.status,
        metadata: message.metadata.into_iter().collect(),
    }
}

fn device_messages(devices: Option<&[Device]>) -> Vec<pb::Device> {
    devices
        .unwrap_or_default()
        .iter()
        .cloned()
        .map(convert::device_told)
        .collect()
}

fn lingering_message((user, seq, remaining_ms): (User, u64, u32)) -> pb::LingeringUser {
    pb::LingeringUser {
        user: user.as_str().to_owned(),
        sequence: seq,
        remaining_ms,
    }
}

fn last_seen_message((user, at_unix_ms): (User, i64)) -> pb::LastSeenUser {
    pb::LastSeenUser {
        user: user.as_str().to_owned(),
        at_unix_ms,
    }
}
