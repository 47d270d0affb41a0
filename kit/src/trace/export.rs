//! From the queue to the collector, one batch at a time. A collector that hangs or is away costs spans, and nothing
//! else.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use metrics::{counter, gauge};
use muster_proto::otlp::trace_service_client::TraceServiceClient;
use muster_proto::otlp::{ExportTraceServiceRequest, ResourceSpans};
use tokio::time::{sleep, timeout};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status};

use super::batch::{Batch, CONVENTIONS};
use super::queue::{Queue, count_dropped};
use super::recorder::{Recorder, recorder};
use crate::backoff::Backoff;
use crate::channel::Channel;
use crate::tls::{Dial, Tls};

/// How long a stop waits for the collector.
const LAST_CALL: Duration = Duration::from_secs(2);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// The way to the collector.
struct Exporter {
    recorder: &'static Recorder,
    client: TraceServiceClient<Channel>,
    is_held_up: bool,
}

/// A batch on its way, which waits again if it is dropped before its fate is known: a stop sends it once more.
struct UnderWay {
    queue: &'static Queue,
    batch: Batch,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.queue.give_back(std::mem::take(&mut self.batch));
    }
}

/// Exports spans for as long as it is polled, if there is a collector.
pub(crate) async fn export(tls: &Tls) -> Infallible {
    let Some(recorder) = recorder() else {
        return std::future::pending().await;
    };
    let mut exporter = Exporter::new(recorder, tls);
    loop {
        let batch = recorder.queue.next(recorder.settings.delay).await;
        gauge!("trace_spans_waiting").set(recorder.queue.len() as f64);
        exporter.send(batch).await;
    }
}

/// Exports what is left, if the collector takes it at once.
pub(crate) async fn flush(tls: &Tls, within: Duration) {
    let Some(recorder) = recorder() else { return };
    let all = async {
        let mut exporter = Exporter::new(recorder, tls);
        while recorder.queue.len() > 0 {
            exporter.send(recorder.queue.take()).await;
        }
    };
    if timeout(within.min(LAST_CALL), all).await.is_err() {
        tracing::warn!("spans are left: the collector does not take them");
    }
}

impl Exporter {
    /// Must be called within a runtime.
    fn new(recorder: &'static Recorder, tls: &Tls) -> Self {
        let dial = match recorder.settings.is_tls {
            true => tls.address_with_tls(),
            false => Dial::Plain,
        };
        let channel = dial.one(&recorder.settings.collector);
        Self {
            recorder,
            client: TraceServiceClient::new(channel),
            is_held_up: false,
        }
    }

    /// Sends a batch, again and again until its time is over.
    async fn send(&mut self, batch: Batch) {
        if batch.spans == 0 {
            return;
        }
        let queue = &self.recorder.queue;
        let mut under_way = UnderWay { queue, batch };
        let request = self.request(&under_way.batch);
        let limit = self.recorder.settings.timeout;
        let sent = timeout(limit, self.send_until_taken(request)).await;
        let sent = sent.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer in time")));
        let count = std::mem::take(&mut under_way.batch).spans;
        self.tell(&sent);
        let (why, dropped) = match sent {
            Ok(rejected) => ("rejected", rejected.min(count)),
            Err(_) => ("not_taken", count),
        };
        counter!("trace_spans_exported_total").increment((count - dropped) as u64);
        if dropped > 0 {
            count_dropped(why, dropped);
        }
    }

    /// How many the collector rejects for good.
    async fn send_until_taken(
        &mut self,
        request: ExportTraceServiceRequest,
    ) -> Result<usize, Status> {
        let mut backoff = Backoff::new(FIRST_RETRY, LONGEST_RETRY);
        loop {
            let mut attempt = Request::new(request.clone());
            let headers = self.recorder.settings.headers.clone();
            *attempt.metadata_mut() = MetadataMap::from_headers(headers);
            match self.client.export(attempt).await {
                Ok(answer) => {
                    let partial = answer.into_inner().partial_success;
                    let rejected = partial.map(|partial| partial.rejected_spans);
                    return Ok(usize::try_from(rejected.unwrap_or_default()).unwrap_or_default());
                }
                Err(status) if may_succeed_later(&status) => sleep(backoff.delay()).await,
                Err(status) => return Err(status),
            }
        }
    }

    /// Tells the log when spans begin to be lost, and when that is over.
    fn tell(&mut self, sent: &Result<usize, Status>) {
        let collector = &self.recorder.settings.collector;
        match (self.is_held_up, sent) {
            (false, Err(status)) => {
                tracing::warn!(%collector, %status, "the collector takes no spans: they are dropped");
            }
            (true, Ok(_)) => tracing::info!(%collector, "the collector takes spans again"),
            (false, Ok(_)) | (true, Err(_)) => {}
        }
        self.is_held_up = sent.is_err();
    }

    fn request(&self, batch: &Batch) -> ExportTraceServiceRequest {
        let of_service = |(service, spans): &(&'static str, _)| ResourceSpans {
            resource: Some(self.recorder.process.resource(service)),
            scope_spans: vec![Bytes::clone(spans)],
            schema_url: CONVENTIONS.to_owned(),
        };
        ExportTraceServiceRequest {
            resource_spans: batch.services.iter().map(of_service).collect(),
        }
    }
}

/// What the specification of OTLP says to try again.
fn may_succeed_later(status: &Status) -> bool {
    match status.code() {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        // Only a collector that says when: a batch that is too large for it stays so.
        Code::ResourceExhausted => !status.details().is_empty(),
        _ => false,
    }
}
