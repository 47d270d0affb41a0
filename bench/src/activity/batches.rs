//! Events in batches, beside other stores.

use crate::activity::event::Shape;
use crate::activity::muster::{Muster, append_over, request};
use crate::activity::peer::{Kind, load};
use crate::activity::pipeline::deal;
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::Sample;
use crate::scale::Scale;
use crate::workload::in_turn;

pub(super) const ABOUT: &str = "Batches of 256, 4 in flight on each of 8 connections";

const BATCH: u64 = 256;
const CONNECTIONS: usize = 8;
const WINDOW: usize = 4;

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let one_topic = of_shape(scale, Shape::OneTopic).await?;
    let topics = of_shape(scale, Shape::ThousandTopics).await?;
    let random = of_shape(scale, Shape::RandomIds).await?;
    Ok([
        one_topic.figures(200_000.0, Target::TimesPeer(2.0), Target::TimesPeer(1.3)),
        topics.figures(100_000.0, Target::Nothing, Target::Nothing),
        random.figures(100_000.0, Target::Nothing, Target::Nothing),
    ]
    .concat())
}

/// What muster and its peers did with events of one shape.
struct Rates {
    what: &'static str,
    muster: Sample,
    redis: Sample,
    postgres: Sample,
}

impl Rates {
    fn figures(&self, least: f64, redis: Target, postgres: Target) -> Vec<Figure> {
        let figure = || Figure::new(self.what, Unit::PerSecond, &self.muster);
        let beside = |kind: Kind, sample| figure().beside(kind.name(), sample);
        vec![
            figure().target(Target::AtLeast(least)),
            beside(Kind::Redis, &self.redis).target(redis),
            beside(Kind::Postgres, &self.postgres).target(postgres),
        ]
    }
}

async fn of_shape(scale: Scale, shape: Shape) -> Result<Rates, Failure> {
    let count = scale.batched();
    let subjects = [None, Some(Kind::Redis), Some(Kind::Postgres)];
    let measure = async |subject| match subject {
        None => muster(shape, count).await,
        Some(kind) => load(kind, shape.batches(count, BATCH), CONNECTIONS, WINDOW).await,
    };
    let [muster, redis, postgres] = in_turn(scale.rounds(), subjects, measure).await?;
    Ok(Rates {
        what: shape.name(),
        muster,
        redis,
        postgres,
    })
}

async fn muster(shape: Shape, count: u64) -> Result<f64, Failure> {
    let muster = Muster::start().await;
    let requests = shape.batches(count, BATCH).map(|batch| request(&batch));
    let hands = deal(requests, CONNECTIONS);
    let took = append_over(&muster.addr(), hands, WINDOW).await?;
    Failure::unless_all(muster.stored().await?, count)?;
    Ok(count as f64 / took.as_secs_f64())
}
