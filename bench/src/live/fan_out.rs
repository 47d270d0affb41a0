//! What a message to many costs.

use std::time::Instant;

use super::delivered::Crowd;
use super::server::{Kind, Server, Subscription};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::Sample;
use crate::scale::Scale;
use crate::table::thousands;

pub(super) const ABOUT: &str = "One message to many WebSockets, again and again";

const TIMES_PEER: f64 = 2.0;
/// Messages before those that are measured.
const WARM_UP: u64 = 5;

/// What a round gives.
struct Measured {
    /// Deliveries for each second on a core.
    per_core_s: f64,
    /// Seconds until a message has come to all, on the average.
    all_s: f64,
}

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let (sockets, messages) = (scale.fan_out_sockets(), scale.fan_out_messages());
    let mut rounds = [Vec::new(), Vec::new()];
    for _ in 0..scale.rounds() {
        for (kind, rounds) in [Kind::Muster, Kind::Centrifugo]
            .into_iter()
            .zip(&mut rounds)
        {
            rounds.push(measure(kind, sockets, messages).await?);
        }
    }
    let per_core = rounds
        .each_ref()
        .map(|rounds| sample(rounds, |round| round.per_core_s));
    let all = rounds
        .each_ref()
        .map(|rounds| sample(rounds, |round| round.all_s));
    let ([muster, centrifugo], [muster_all, centrifugo_all]) = (per_core, all);
    let sockets = thousands(sockets as u64);
    Ok(vec![
        Figure::new(
            format!("{sockets} sockets: deliveries a second for each core of the server"),
            Unit::PerSecond,
            &muster?,
        )
        .beside("Centrifugo", &centrifugo?)
        .target(Target::TimesPeer(TIMES_PEER)),
        Figure::new(
            format!("{sockets} sockets: until the last one has it"),
            Unit::Time,
            &muster_all?,
        )
        .beside("Centrifugo", &centrifugo_all?),
    ])
}

fn sample(rounds: &[Measured], of: impl Fn(&Measured) -> f64) -> Result<Sample, Failure> {
    Sample::of(rounds.iter().map(of).collect())
}

async fn measure(kind: Kind, sockets: usize, messages: u64) -> Result<Measured, Failure> {
    let mut server = Server::start(kind).await?;
    let crowd = Crowd::open(&server, sockets, |_| Subscription::Room).await?;
    tell(&mut server, &crowd, 0..WARM_UP).await?;
    let (cpu, start) = (server.process().cpu_time(), Instant::now());
    tell(&mut server, &crowd, WARM_UP..WARM_UP + messages).await?;
    let (cpu, took) = (server.process().cpu_time() - cpu, start.elapsed());
    Ok(Measured {
        per_core_s: (messages * crowd.sockets()) as f64 / cpu.as_secs_f64(),
        all_s: took.as_secs_f64() / messages as f64,
    })
}

/// Tells one message after the other.
async fn tell(
    server: &mut Server,
    crowd: &Crowd,
    messages: std::ops::Range<u64>,
) -> Result<(), Failure> {
    for message in messages {
        server.tell_room().await?;
        crowd.told((message + 1) * crowd.sockets()).await?;
    }
    Ok(())
}
