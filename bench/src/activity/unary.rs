//! Unary calls, beside servers that keep nothing on a disk.

use muster_kit::channel::Channel;
use muster_proto::compat::activity as pb;
use pb::activity_events_client::ActivityEventsClient;

use crate::activity::muster::{Muster, create_event};
use crate::activity::peer::grpc::{Kind, Server};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::h2load::{self, Load};
use crate::scale::Scale;
use crate::workload::in_turn;

pub(super) const ABOUT: &str = "Unary CreateEvent, 128 in flight over 4 connections";

const WHAT: &str = "CreateEvent";
const LOAD: Load = Load {
    connections: 4,
    streams_per_connection: 32,
};
const PEERS: [Kind; 3] = [Kind::Tonic, Kind::Kit, Kind::GrpcGo];

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = scale.calls();
    let subjects = [None, Some(PEERS[0]), Some(PEERS[1]), Some(PEERS[2])];
    let measure = async |subject| match subject {
        None => muster(count).await,
        Some(kind) => peer(kind, count).await,
    };
    let [muster, tonic, kit, go] = in_turn(scale.rounds(), subjects, measure).await?;
    let beside = |kind: Kind, sample, target| {
        let figure = Figure::new(WHAT, Unit::PerSecond, &muster);
        figure.beside(kind.name(), sample).target(target)
    };
    Ok(vec![
        beside(Kind::Tonic, &tonic, Target::TimesPeer(0.8)),
        beside(Kind::Kit, &kit, Target::Nothing),
        beside(Kind::GrpcGo, &go, Target::AheadOfPeer),
    ])
}

async fn muster(count: u64) -> Result<f64, Failure> {
    let muster = Muster::start().await;
    let rate = warm_rate(&muster.addr(), count).await?;
    Failure::unless_all(muster.stored().await?, count + warm_up(count))?;
    Ok(rate)
}

async fn peer(kind: Kind, count: u64) -> Result<f64, Failure> {
    let server = kind.start().await;
    let rate = warm_rate(&server.addr, count).await?;
    if kind == Kind::GrpcGo {
        Failure::unless_all(listed(&server).await?, count + warm_up(count))?;
    }
    Ok(rate)
}

async fn warm_rate(addr: &str, count: u64) -> Result<f64, Failure> {
    let post = create_event(addr);
    h2load::rate(&post, LOAD, warm_up(count)).await?;
    h2load::rate(&post, LOAD, count).await
}

fn warm_up(count: u64) -> u64 {
    count / 10
}

async fn listed(server: &Server) -> Result<u64, Failure> {
    let mut client = ActivityEventsClient::new(Channel::to(&server.addr));
    let mut events = client
        .list_events(pb::Deployment { id: 0 })
        .await?
        .into_inner();
    let mut count = 0;
    while events.message().await?.is_some() {
        count += 1;
    }
    Ok(count)
}
