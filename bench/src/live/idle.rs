//! What an idle socket costs.

use std::time::Duration;

use muster_testkit::{Process, eventually};

use super::delivered::Crowd;
use super::server::{Kind, Server, Subscription};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::scale::Scale;
use crate::table::thousands;
use crate::workload::in_turn;

pub(super) const ABOUT: &str =
    "Idle WebSockets, each subscribed: resident memory of the server for each";

const MOST_RESIDENT: f64 = 5.0 * 1024.0;
const MOST_OF_PEER: f64 = 0.25;
const DEADLINE: Duration = Duration::from_secs(60);

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let sockets = scale.sockets();
    let measure = async |kind| resident(kind, sockets).await;
    let subjects = [Kind::Muster, Kind::Centrifugo];
    let [muster, centrifugo] = in_turn(scale.rounds(), subjects, measure).await?;
    let what = format!("{} sockets", thousands(sockets as u64));
    let figure = || Figure::new(&what, Unit::Bytes, &muster);
    Ok(vec![
        figure().target(Target::AtMost(MOST_RESIDENT)),
        figure()
            .beside("Centrifugo", &centrifugo)
            .target(Target::AtMostTimesPeer(MOST_OF_PEER)),
    ])
}

/// By how much the server has grown, for each socket.
async fn resident(kind: Kind, sockets: usize) -> Result<f64, Failure> {
    let mut server = Server::start(kind).await?;
    let before = server.process().resident_bytes();
    let crowd = Crowd::open(&server, sockets, Subscription::Own).await?;
    let resident = settled(server.process()).await;
    Ok(resident.saturating_sub(before) as f64 / crowd.sockets() as f64)
}

/// Its resident memory once that stays within a hundredth for a second.
async fn settled(process: &Process) -> u64 {
    let mut before = process.resident_bytes();
    let mut stable = 0;
    eventually(DEADLINE, || {
        let now = process.resident_bytes();
        stable = if now.abs_diff(before) <= before / 100 {
            stable + 1
        } else {
            0
        };
        before = now;
        std::future::ready((stable >= 100).then_some(now))
    })
    .await
}
