//! What a watched user costs.

use muster_testkit::Service;

use super::session::Session;
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::scale::Scale;
use crate::table::thousands;
use crate::workload::in_turn;

pub(super) const ABOUT: &str = "One Session stream that watches many users";

const MOST_RESIDENT: f64 = 200.0;

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = scale.watched();
    let measure = async |is_online| resident(count, is_online).await;
    let [offline, online] = in_turn(scale.rounds(), [false, true], measure).await?;
    let figure = |what, sample| {
        let what = format!(
            "{} users, {what}: resident for each",
            thousands(count as u64)
        );
        Figure::new(what, Unit::Bytes, sample).target(Target::AtMost(MOST_RESIDENT))
    };
    Ok(vec![
        figure("whom nobody has heard of", &offline),
        figure("all online", &online),
    ])
}

/// By how much the service grows for each, whether or not they are online already.
async fn resident(count: usize, is_online: bool) -> Result<f64, Failure> {
    let mut service = Service::start("muster-presence", &[]).await;
    let users: Vec<String> = (0..count)
        .map(|number| format!("user-{number:06}"))
        .collect();
    let mut devices = Session::open(&service.addr()).await?;
    if is_online {
        devices.connect(&users).await?;
    }
    let mut session = Session::open(&service.addr()).await?;
    // The first user pays for the stream.
    session.watch(&users[..1]).await?;
    let before = service.process().resident_bytes();
    let online = session.watch(&users).await?;
    Failure::unless_all(online as u64, if is_online { count as u64 } else { 0 })?;
    let grown = service.process().resident_bytes().saturating_sub(before);
    Ok(grown as f64 / count as f64)
}
