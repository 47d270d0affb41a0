//! What traces cost: the same work with and without a span for each request.

use std::cell::RefCell;
use std::time::Duration;

use muster_testkit::{Service, eventually, get};

use crate::activity::peer::grpc::Kind;
use crate::failure::Failure;
use crate::figure::{Figure, Target, Unit};
use crate::sample::Sample;
use crate::scale::Scale;
use crate::workload::in_turn;

/// Spans may cost a twentieth of what there is without them.
const LEAST: f64 = 0.95;

/// Within which what is left of a batch is sent: it waits for five seconds.
const ALL_SENT: Duration = Duration::from_secs(20);

/// Variables of the service whose work it is.
pub(crate) type Environment<'a> = &'a [(&'a str, &'a str)];

/// Has the work done, `requests` in all, by a service in such an environment; it tells how many it did in a second.
pub(crate) async fn figures(
    what: &str,
    scale: Scale,
    requests: u64,
    work: impl AsyncFn(Environment<'_>) -> Result<(f64, Service), Failure>,
) -> Result<Vec<Figure>, Failure> {
    let lost = RefCell::new(Vec::new());
    let [on, off] = in_turn(scale.close_rounds(), [true, false], async |is_on| {
        let collector = Kind::Collector.start().await;
        let endpoint = format!("http://{}", collector.addr);
        let variable = [("OTEL_EXPORTER_OTLP_ENDPOINT", &*endpoint)];
        let environment = if is_on { &variable[..] } else { &[] };
        let (rate, service) = work(environment).await?;
        if is_on {
            let dropped = dropped(&service, requests as f64).await;
            lost.borrow_mut().push(dropped);
        }
        Ok(rate)
    })
    .await?;
    let rate = Figure::new(format!("{what} with traces"), Unit::PerSecond, &on);
    let rate = rate.beside("without", &off);
    let lost = Sample::of(lost.take())?;
    let requests = Sample::of(vec![requests as f64])?;
    let lost = Figure::new("spans that its queue could not hold", Unit::Count, &lost);
    Ok(vec![
        rate.target(Target::TimesPeer(LEAST)),
        lost.beside("requests", &requests),
    ])
}

/// How many of so many spans were dropped, once all of them are that or sent.
async fn dropped(service: &Service, spans: f64) -> f64 {
    eventually(ALL_SENT, async || {
        let (_, text) = get(&service.addr_of("admin"), "/metrics").await?;
        let counted = |name: &str| {
            let lines = text.lines().filter(|line| line.starts_with(name));
            let numbers = lines.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok());
            // The sum of none is -0.0.
            numbers.fold(0.0, |all, number| all + number)
        };
        let dropped = counted("trace_spans_dropped_total");
        (counted("trace_spans_exported_total") + dropped >= spans).then_some(dropped)
    })
    .await
}
