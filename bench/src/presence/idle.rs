//! What an idle Monitor stream costs.

use std::time::Duration;

use futures_util::future::try_join_all;
use muster_testkit::{Process, Service, eventually};

use super::peer::Kind;
use super::wire::{Method, Stream, Wire};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::scale::Scale;
use crate::table::thousands;
use crate::workload::in_turn;

pub(super) const ABOUT: &str =
    "Idle Monitor streams, 100 on each connection: resident memory of each, connections included";

const STREAMS_PER_CONNECTION: usize = 100;
const MOST_RESIDENT: f64 = 2048.0;
const DEADLINE: Duration = Duration::from_secs(60);

/// How the streams are opened.
#[derive(Debug, Clone, Copy)]
enum Pace {
    AtOnce,
    /// On ten connections at a time, one on each, all connections in turn.
    Gradually,
}

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let mut figures = Vec::new();
    for pace in [Pace::AtOnce, Pace::Gradually] {
        let subjects = [None, Some(Kind::Tonic), Some(Kind::GrpcGo)];
        let measure = async |subject| resident(subject, pace, scale.idle_connections()).await;
        let [muster, tonic, go] = in_turn(scale.rounds(), subjects, measure).await?;
        let opened = match pace {
            Pace::AtOnce => "opened at once",
            Pace::Gradually => "opened gradually",
        };
        let streams = thousands((scale.idle_connections() * STREAMS_PER_CONNECTION) as u64);
        let what = format!("{streams} streams, {opened}");
        let figure = || Figure::new(&what, Unit::Bytes, &muster);
        figures.push(figure().target(Target::AtMost(MOST_RESIDENT)));
        figures.push(figure().beside(Kind::Tonic.name(), &tonic));
        figures.push(figure().beside(Kind::GrpcGo.name(), &go));
    }
    Ok(figures)
}

async fn resident(subject: Option<Kind>, pace: Pace, connections: usize) -> Result<f64, Failure> {
    let Some(kind) = subject else {
        let mut service = Service::start("muster-presence", &[]).await;
        let addr = service.addr();
        return per_stream(&addr, service.process(), pace, connections).await;
    };
    let (addr, process) = kind.start().await;
    per_stream(&addr, &process, pace, connections).await
}

/// By how much the process has grown, for each stream.
async fn per_stream(
    addr: &str,
    process: &Process,
    pace: Pace,
    connections: usize,
) -> Result<f64, Failure> {
    let before = process.resident_bytes();
    let mut wires = Vec::new();
    for _ in 0..connections {
        wires.push(Wire::connect(addr).await?);
    }
    let streams = match pace {
        Pace::AtOnce => at_once(&mut wires).await?,
        Pace::Gradually => gradually(&mut wires).await?,
    };
    let resident = settled(process).await;
    Ok(resident.saturating_sub(before) as f64 / streams.len() as f64)
}

async fn at_once(wires: &mut [Wire]) -> Result<Vec<Stream>, Failure> {
    let mut opening = Vec::new();
    for (number, wire) in wires.iter_mut().enumerate() {
        for stream in 0..STREAMS_PER_CONNECTION {
            let call = wire.call(Method::Monitor, &user(number, stream))?;
            opening.push(async { first_told(call.begun().await?).await });
        }
    }
    try_join_all(opening).await
}

async fn gradually(wires: &mut [Wire]) -> Result<Vec<Stream>, Failure> {
    let mut streams = Vec::new();
    for stream in 0..STREAMS_PER_CONNECTION {
        for (ten, wires) in wires.chunks_mut(10).enumerate() {
            let opening = wires.iter_mut().enumerate().map(async |(number, wire)| {
                let user = user(ten * 10 + number, stream);
                first_told(wire.open(Method::Monitor, &user).await?).await
            });
            streams.extend(try_join_all(opening).await?);
        }
    }
    Ok(streams)
}

async fn first_told(mut stream: Stream) -> Result<Stream, Failure> {
    match stream.online().await? {
        false => Ok(stream),
        true => Err(Failure::new("a user is online who never connected")),
    }
}

fn user(connection: usize, stream: usize) -> String {
    format!("user-{:06}", connection * STREAMS_PER_CONNECTION + stream)
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
