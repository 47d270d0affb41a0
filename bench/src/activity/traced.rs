//! What traces cost where a request costs least.

use crate::activity::muster::Muster;
use crate::failure::Failure;
use crate::figure::Figure;
use crate::h2load::{self, Load};
use crate::scale::Scale;
use crate::traced;

pub(super) const ABOUT: &str =
    "CreateEvent, 128 in flight over 4 connections, each call a span for a collector";

const LOAD: Load = Load {
    connections: 4,
    streams_per_connection: 32,
};

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let (warm_up, count) = (scale.calls() / 10, scale.calls());
    let calls = warm_up + count;
    traced::figures("CreateEvent", scale, calls, async |environment| {
        let muster = Muster::start_with(environment).await;
        h2load::rate(&muster.create_event(), LOAD, warm_up).await?;
        let rate = h2load::rate(&muster.create_event(), LOAD, count).await?;
        Failure::unless_all(muster.stored().await?, calls)?;
        Ok((rate, muster.service))
    })
    .await
}
