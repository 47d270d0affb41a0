//! Single events, each acknowledged on its own once it is on disk, beside other stores.

use crate::activity::event::Shape;
use crate::activity::muster::Muster;
use crate::activity::peer::{Kind, load};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::h2load::{self, Load};
use crate::scale::Scale;
use crate::workload::in_turn;

pub(super) const ABOUT: &str = "Single events, 64 in flight, each acknowledged on disk";

const WHAT: &str = "single events";
const LOAD: Load = Load {
    connections: 4,
    streams_per_connection: 16,
};

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = scale.singles();
    let subjects = [
        None,
        Some(Kind::Nats),
        Some(Kind::Postgres),
        Some(Kind::Redis),
    ];
    let measure = async |subject| match subject {
        None => muster(count).await,
        Some(kind) => peer(kind, count).await,
    };
    let [muster, nats, postgres, redis] = in_turn(scale.rounds(), subjects, measure).await?;
    let beside = |kind: Kind, sample, times| {
        let figure = Figure::new(WHAT, Unit::PerSecond, &muster);
        figure
            .beside(kind.name(), sample)
            .target(Target::TimesPeer(times))
    };
    Ok(vec![
        beside(Kind::Nats, &nats, 5.0),
        beside(Kind::Postgres, &postgres, 1.2),
        beside(Kind::Redis, &redis, 1.0),
    ])
}

async fn muster(count: u64) -> Result<f64, Failure> {
    let muster = Muster::start().await;
    let rate = h2load::rate(&muster.create_event(), LOAD, count).await?;
    Failure::unless_all(muster.stored().await?, count)?;
    Ok(rate)
}

async fn peer(kind: Kind, count: u64) -> Result<f64, Failure> {
    // A session of PostgreSQL does one transaction at a time; the others take requests one behind the other.
    let (connections, window) = match kind {
        Kind::Postgres => (64, 1),
        Kind::Nats | Kind::Redis => (4, 16),
    };
    load(kind, Shape::OneTopic.batches(count, 1), connections, window).await
}
