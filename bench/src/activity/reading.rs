//! Reading a large store.

use crate::activity::muster::{Muster, Read, SMALL_COUNT};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::percentile;
use crate::scale::Scale;
use crate::table::thousands;
use crate::workload::in_turn;

pub(super) const ABOUT: &str = "Reading: one client on loopback that decodes each event";

/// How often the small topic is asked for in a round.
const LOOKS: usize = 200;

#[derive(Clone, Copy)]
enum Way {
    ListAll,
    TailAll,
    ListSmall,
    TailSmall,
}

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = scale.stored();
    let muster = Muster::filled(count).await?;
    let reader = muster.reader();
    let measure = async |way| match way {
        Way::ListAll => rate(reader.list(1).await?, count),
        Way::TailAll => rate(reader.tail(1).await?, count),
        Way::ListSmall => to_first(async || reader.list(2).await).await,
        Way::TailSmall => to_first(async || reader.tail(2).await).await,
    };
    let ways = [Way::ListAll, Way::TailAll, Way::ListSmall, Way::TailSmall];
    let [list, tail, list_small, tail_small] = in_turn(scale.rounds(), ways, measure).await?;
    let all = |call, sample| {
        let figure = Figure::new(
            format!("{call} of {} events", thousands(count)),
            Unit::PerSecond,
            sample,
        );
        figure.target(Target::AtLeast(500_000.0))
    };
    let first = |call, sample| {
        let what = format!("{call} of a topic of {SMALL_COUNT} beside them: p99 to the first");
        Figure::new(what, Unit::Time, sample).target(Target::AtMost(1e-3))
    };
    Ok(vec![
        all("ListEvents", &list),
        all("Tail without follow", &tail),
        first("ListEvents", &list_small),
        first("Tail", &tail_small),
    ])
}

fn rate(read: Read, expected: u64) -> Result<f64, Failure> {
    Failure::unless_all(read.events, expected)?;
    Ok(expected as f64 / read.to_last.as_secs_f64())
}

/// The time to the first event that 99 of 100 readings stay within.
async fn to_first(read: impl AsyncFn() -> Result<Read, Failure>) -> Result<f64, Failure> {
    let mut times = Vec::new();
    for _ in 0..LOOKS {
        let read = read().await?;
        Failure::unless_all(read.events, SMALL_COUNT)?;
        times.push(read.to_first);
    }
    Ok(percentile(&mut times, 0.99).as_secs_f64())
}
