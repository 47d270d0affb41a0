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
    let measure = async |()| resident(count).await;
    let [each] = in_turn(scale.rounds(), [()], measure).await?;
    let what = format!("{} users: resident for each", thousands(count as u64));
    let figure = Figure::new(what, Unit::Bytes, &each);
    Ok(vec![figure.target(Target::AtMost(MOST_RESIDENT))])
}

/// By how much the service grows for each. They are users of whom it has not heard before: nothing that it keeps of
/// them was there already.
async fn resident(count: usize) -> Result<f64, Failure> {
    let mut service = Service::start("muster-presence", &[]).await;
    let users: Vec<String> = (0..count)
        .map(|number| format!("user-{number:06}"))
        .collect();
    let mut session = Session::open(&service.addr()).await?;
    let before = service.process().resident_bytes();
    let online = session.watch(&users).await?;
    Failure::unless_all(online as u64, 0)?;
    let grown = service.process().resident_bytes().saturating_sub(before);
    Ok(grown as f64 / count as f64)
}
