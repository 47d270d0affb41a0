//! A collector of traces: the real service of OTLP, by the messages of OpenTelemetry's own crate.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use muster_kit::Shutdown;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::Server;
use muster_testkit::{eventually, free_port};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tokio::task::JoinHandle;
use tonic::{Request, Response, Status, async_trait};

use crate::DEADLINE;
use crate::span::Span;

/// A collector on its own port, which it keeps.
#[derive(Debug)]
pub(crate) struct Collector {
    addr: String,
    kept: Kept,
    serving: Option<(Shutdown, JoinHandle<()>)>,
}

/// What it was told, and whether it answers.
#[derive(Debug, Clone, Default)]
struct Kept {
    spans: Arc<Mutex<Vec<Span>>>,
    headers: Arc<Mutex<Vec<String>>>,
    hangs: Arc<AtomicBool>,
}

impl Collector {
    pub(crate) async fn start() -> Collector {
        let mut collector = Collector {
            addr: format!("127.0.0.1:{}", free_port()),
            kept: Kept::default(),
            serving: None,
        };
        collector.resume().await;
        collector
    }

    /// For `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Is there again, where it was.
    pub(crate) async fn resume(&mut self) {
        let addr = self.addr.parse().expect("an address");
        let listener = eventually(DEADLINE, || async { Listener::bind(&addr).await.ok() }).await;
        let context = Context::for_test("collector");
        let shutdown = context.shutdown.clone();
        let server = Server::new(&context).grpc(TraceServiceServer::new(self.kept.clone()));
        let serving = tokio::spawn(async move {
            server.serve(listener).await.expect("the collector serves");
        });
        self.serving = Some((shutdown, serving));
    }

    /// Goes away, with its port.
    pub(crate) async fn go_away(&mut self) {
        if let Some((shutdown, serving)) = self.serving.take() {
            shutdown.cancel();
            serving.await.expect("the collector stops");
        }
    }

    /// From now on it answers nothing, or answers again.
    pub(crate) fn hang(&self, hangs: bool) {
        self.kept.hangs.store(hangs, Ordering::Relaxed);
    }

    /// All spans that it was told of so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        self.kept.spans.lock().unwrap().clone()
    }

    /// What came beside the spans: the values of the header `x-test`.
    pub(crate) fn headers(&self) -> Vec<String> {
        self.kept.headers.lock().unwrap().clone()
    }

    /// The spans of a trace, as soon as they fulfil a condition.
    pub(crate) async fn trace(&self, id: &str, is_whole: impl Fn(&[Span]) -> bool) -> Vec<Span> {
        eventually(DEADLINE, || async {
            let spans = self.spans().into_iter();
            let spans: Vec<Span> = spans.filter(|span| span.trace_id == id).collect();
            is_whole(&spans).then_some(spans)
        })
        .await
    }
}

#[async_trait]
impl TraceService for Kept {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        if self.hangs.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        if let Some(header) = request.metadata().get("x-test") {
            let header = header.to_str().unwrap().to_owned();
            self.headers.lock().unwrap().push(header);
        }
        let spans = Span::all(request.into_inner());
        self.spans.lock().unwrap().extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}
