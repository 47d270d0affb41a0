//! Connecting and cancelling, over and over on one connection.

use std::time::{Duration, Instant};

use muster_testkit::Service;
use tokio::time::timeout;

use super::flood;
use super::peer::Kind;
use super::raw::{self, Frame, Receiving, Sending};
use super::wire::{Method, Wire};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::Sample;
use crate::scale::Scale;
use crate::table::thousands;
use crate::workload::in_turn;

pub(super) const ABOUT: &str =
    "Connect and cancel over one HTTP/2 connection that carries a Monitor as well";

const LEAST_PER_SECOND: f64 = 20_000.0;
/// Streams that are open at a time.
const OPEN: u64 = 100;
/// Users whose devices they are.
const USERS: u64 = 1_000;
const DEADLINE: Duration = Duration::from_secs(10);

/// When a stream is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancel {
    /// Once the service has begun to answer it: its user was online.
    Begun,
    /// In the same write that opens it.
    AtOnce,
}

/// How far a connection came.
struct Course {
    cycles: u64,
    took: Duration,
    is_lost: bool,
}

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let (count, rounds) = (scale.cycles(), scale.rounds());
    let ways = [Cancel::Begun, Cancel::AtOnce];
    let rate = async |cancel| Ok(muster(cancel, count).await?.per_second());
    let [begun, at_once] = in_turn(rounds, ways, rate).await?;
    let lasted = async |()| Ok(of_tonic(count).await?.cycles as f64);
    let [lost_after] = in_turn(rounds, [()], lasted).await?;
    let beside = flood::figures(scale).await?;
    let rate = |what, sample| {
        let what = format!("{} streams, each cancelled {what}", thousands(count));
        Figure::new(what, Unit::PerSecond, sample).target(Target::AtLeast(LEAST_PER_SECOND))
    };
    let all = Sample::of(vec![count as f64])?;
    let sent = "streams sent until the connection was lost, or all";
    let lost = Figure::new(sent, Unit::Count, &all).beside("the library's limits", &lost_after);
    let own = [
        rate("once it had begun", &begun),
        rate("in the write that opened it", &at_once),
        lost.target(Target::AtLeast(count as f64)),
    ];
    Ok([own.to_vec(), beside].concat())
}

impl Course {
    fn per_second(&self) -> f64 {
        self.cycles as f64 / self.took.as_secs_f64()
    }
}

/// All cycles, and afterwards the Monitor is told still.
async fn muster(cancel: Cancel, count: u64) -> Result<Course, Failure> {
    let service = Service::start("muster-presence", &[]).await;
    let (mut sending, mut receiving) = raw::connect(&service.addr()).await?;
    let monitor = watched(&mut sending, &mut receiving).await?;
    let course = cycles(&mut sending, &mut receiving, cancel, count).await?;
    if course.is_lost {
        let why = format!("muster lost the connection after {} streams", course.cycles);
        return Err(Failure::new(why));
    }
    let mut other = Wire::connect(&service.addr()).await?;
    let _device = other.open(Method::Connect, "Albert").await?;
    timeout(DEADLINE, told(&mut receiving, monitor)).await??;
    Ok(course)
}

/// As far as the library's limits let it come.
async fn of_tonic(count: u64) -> Result<Course, Failure> {
    let (addr, _process) = Kind::Tonic.start().await;
    let (mut sending, mut receiving) = raw::connect(&addr).await?;
    cycles(&mut sending, &mut receiving, Cancel::AtOnce, count).await
}

/// Opens a Monitor and waits until it has been told that Albert is offline.
async fn watched(sending: &mut Sending, receiving: &mut Receiving) -> Result<u32, Failure> {
    let monitor = sending.open(Method::Monitor, "Albert");
    sending.flush().await?;
    timeout(DEADLINE, told(receiving, monitor)).await??;
    Ok(monitor)
}

/// Waits until a stream has been told something.
async fn told(receiving: &mut Receiving, stream: u32) -> Result<(), Failure> {
    loop {
        match receiving.frame().await? {
            Frame::Data(of, _) if of == stream => return Ok(()),
            Frame::Reset(of) if of == stream => return Err(Failure::new("the monitor was ended")),
            Frame::Goaway => return Err(Failure::new("the connection was ended")),
            _ => {}
        }
    }
}

/// Opens and cancels that many streams, or as many as the connection lives to see.
async fn cycles(
    sending: &mut Sending,
    receiving: &mut Receiving,
    cancel: Cancel,
    count: u64,
) -> Result<Course, Failure> {
    let start = Instant::now();
    let done = match cancel {
        Cancel::Begun => cancelled_once_begun(sending, receiving, count).await,
        Cancel::AtOnce => cancelled_at_once(sending, receiving, count).await,
    };
    let took = start.elapsed();
    Ok(match done {
        Ok(()) => Course {
            cycles: count,
            took,
            is_lost: false,
        },
        Err(after) => Course {
            cycles: after,
            took,
            is_lost: true,
        },
    })
}

/// Or how many streams the connection has lived to see.
async fn cancelled_once_begun(
    sending: &mut Sending,
    receiving: &mut Receiving,
    count: u64,
) -> Result<(), u64> {
    let (mut opened, mut done) = (0, 0);
    while done < count {
        while opened < count && opened - done < OPEN {
            sending.open(Method::Connect, &user(opened));
            opened += 1;
        }
        sending.flush().await.map_err(|_| done)?;
        loop {
            match receiving.frame().await.map_err(|_| done)? {
                Frame::Begun(stream) => {
                    sending.cancel(stream);
                    done += 1;
                }
                Frame::Ping(payload) => sending.pong(&payload),
                Frame::Goaway => return Err(done),
                _ => {}
            }
            if !receiving.has_more() {
                break;
            }
        }
    }
    sending.flush().await.map_err(|_| done)
}

/// Or how many streams the connection has lived to see. A Monitor of its own, at the end, tells that all were read.
pub(super) async fn cancelled_at_once(
    sending: &mut Sending,
    receiving: &mut Receiving,
    count: u64,
) -> Result<(), u64> {
    let mut done = 0;
    let send = async {
        while done < count {
            for _ in 0..OPEN.min(count - done) {
                let stream = sending.open(Method::Connect, &user(done));
                sending.cancel(stream);
                done += 1;
            }
            sending.flush().await?;
        }
        let last = sending.open(Method::Monitor, "Last");
        sending.flush().await?;
        Ok::<u32, Failure>(last)
    };
    let receive = async {
        let mut seen = Vec::new();
        loop {
            match receiving.frame().await? {
                Frame::Data(stream, _) => seen.push(stream),
                Frame::Goaway => return Err(Failure::new("the connection was ended")),
                _ => {}
            }
            if seen
                .last()
                .is_some_and(|stream| u64::from(*stream) > 2 * count)
            {
                return Ok(());
            }
        }
    };
    let both = tokio::try_join!(send, receive);
    both.map(drop).map_err(|_| done)
}

fn user(number: u64) -> String {
    format!("user-{}", number % USERS)
}
