//! What traces cost: the same calls with and without a span for each.

use crate::activity::muster::Muster;
use crate::activity::peer::grpc::{Kind, Server};
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::h2load::{self, Load};
use crate::scale::Scale;
use crate::workload::in_turn;

pub(super) const ABOUT: &str =
    "CreateEvent, 128 in flight over 4 connections, each call a span for a collector";

const LOAD: Load = Load {
    connections: 4,
    streams_per_connection: 32,
};
/// Spans may cost a twentieth of what there is without them.
const LEAST: f64 = 0.95;

pub(super) async fn run(scale: Scale) -> Result<Vec<Figure>, Failure> {
    let count = scale.calls();
    let [on, off] = in_turn(scale.rounds(), [true, false], async |is_on| {
        let collector = Kind::Collector.start().await;
        let muster = match is_on {
            true => traced(&collector).await,
            false => Muster::start().await,
        };
        h2load::rate(&muster.create_event(), LOAD, count / 10).await?;
        let rate = h2load::rate(&muster.create_event(), LOAD, count).await?;
        Failure::unless_all(muster.stored().await?, count + count / 10)?;
        match is_on {
            true if muster.metric("trace_spans_exported_total").await? == 0.0 => {
                Err(Failure::new("no span came to the collector"))
            }
            _ => Ok(rate),
        }
    })
    .await?;
    let figure = Figure::new("CreateEvent with traces", Unit::PerSecond, &on);
    let figure = figure.beside("without", &off);
    Ok(vec![figure.target(Target::TimesPeer(LEAST))])
}

async fn traced(collector: &Server) -> Muster {
    let endpoint = format!("http://{}", collector.addr);
    Muster::start_with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await
}
