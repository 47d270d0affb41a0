//! One call at a time, beside the disk itself.

use tokio::task::spawn_blocking;

use crate::activity::muster::Muster;
use crate::activity::peer::disk::{Place, write_and_sync};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::h2load;
use crate::sample::percentile;
use crate::scale::Scale;
use crate::workload::in_turn;

pub(super) const ABOUT: &str = "One CreateEvent at a time: the median";

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = scale.alone();
    let subjects = [None, Some(Place::End), Some(Place::Within)];
    let measure = async |subject| match subject {
        None => muster(count).await,
        Some(place) => disk(place, count).await,
    };
    let [muster, end, within] = in_turn(scale.rounds(), subjects, measure).await?;
    let beside = |peer, sample| {
        let figure = Figure::new("one CreateEvent", Unit::Time, &muster);
        figure
            .beside(peer, sample)
            .target(Target::AtMostTimesPeer(3.0))
    };
    Ok(vec![
        beside("write + fdatasync at the end of a file", &end),
        beside("write + fdatasync within a file", &within),
    ])
}

async fn muster(count: u64) -> Result<f64, Failure> {
    let muster = Muster::start().await;
    let mut times = h2load::times(&muster.create_event(), count).await?;
    Failure::unless_all(muster.stored().await?, count)?;
    Ok(percentile(&mut times, 0.5).as_secs_f64())
}

async fn disk(place: Place, count: u64) -> Result<f64, Failure> {
    let median = spawn_blocking(move || write_and_sync(place, count)).await?;
    Ok(median?.as_secs_f64())
}
