//! kill -9 at any moment.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use muster_testkit::{Dice, Process, Service, program, seed};
use tokio::time::timeout;

use crate::client::Client;
use crate::ledger::{Acked, Ledger};
use crate::load::Load;

const ACKED_DEADLINE: Duration = Duration::from_secs(60);
/// A service is killed when so many events are acknowledged at most, and a moment later.
const ACKED_LIMIT: usize = 1_000;
const MOMENT_LIMIT_US: usize = 5_000;
/// A service that starts is killed before so much time has passed.
const START_LIMIT_US: usize = 60_000;
/// After so many kills everything is read again, not only what is new.
const READ_ALL_AFTER: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_or_doubled_in_25_kills() {
    survives(25).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "500 kills"]
async fn nothing_acknowledged_is_lost_or_doubled_in_500_kills() {
    survives(500).await;
}

async fn survives(kills: usize) {
    let mut dice = Dice::new(seed());
    let next = Arc::new(AtomicU64::new(1));
    let mut ledger = Ledger::default();
    let mut service = Service::start("muster-activity", &[]).await;
    for kill in 1..=kills {
        let load = Load::start(&service.addr(), &next, &mut dice);
        let acked = until_killed(&mut service, load, &mut dice).await;
        if dice.once_in(5) {
            kill_while_it_starts(&service, &mut dice).await;
        }
        service.restart().await;

        let mut client = Client::of(&service.addr());
        ledger.read(&mut client).await;
        println!(
            "kill {kill}: {} acknowledged, {} in the store",
            acked.len(),
            ledger.len()
        );
        ledger.assert_has(&acked);
        if kill % READ_ALL_AFTER == 0 || kill == kills {
            ledger.assert_unchanged(&mut client).await;
        }
    }
}

/// Kills the service at some moment under load: what was acknowledged.
async fn until_killed(service: &mut Service, mut load: Load, dice: &mut Dice) -> Vec<Acked> {
    let count = dice.within(0..ACKED_LIMIT);
    timeout(ACKED_DEADLINE, load.acked(count)).await.unwrap();
    any_moment(MOMENT_LIMIT_US, dice).await;
    load.may_fail();
    service.process().sigkill();
    timeout(ACKED_DEADLINE, load.end()).await.unwrap()
}

/// Starts it on the same store, and kills it soon.
async fn kill_while_it_starts(service: &Service, dice: &mut Dice) {
    let mut command = program("muster-activity");
    command.args(["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    let mut process = Process::spawn(command.current_dir(service.folder()));
    any_moment(START_LIMIT_US, dice).await;
    process.sigkill();
}

/// Not a wait for anything: the moment is what the test is about.
async fn any_moment(limit_us: usize, dice: &mut Dice) {
    let moment = Duration::from_micros(dice.within(0..limit_us) as u64);
    let _over = timeout(moment, pending::<()>()).await;
}
