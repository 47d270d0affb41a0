//! A server in the place of a notificator, which fails as it is told to.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use muster_kit::Shutdown;
use muster_kit::discovery::Registry;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::Server;
use muster_proto::muster::notificator::v1::notificator_service_server::{
    NotificatorService, NotificatorServiceServer,
};
use muster_proto::muster::notificator::v1::{
    GetMailRequest, GetMailResponse, SendRequest, SendResponse,
};
use muster_testkit::eventually;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tonic::{Code, Request, Response, Status};

use crate::SOON;

/// How a call is answered.
pub(crate) enum Answer {
    /// The mail is taken, and no answer comes.
    Lost,
    /// This status.
    Failed(Code),
}

/// What was received, and how the next calls are answered; then with success.
#[derive(Clone, Default)]
struct Script {
    received: Arc<Mutex<Vec<SendRequest>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

#[tonic::async_trait]
impl NotificatorService for Script {
    async fn send(&self, request: Request<SendRequest>) -> Result<Response<SendResponse>, Status> {
        let request = request.into_inner();
        let id = request.idempotency_key.clone();
        self.received.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front();
        match answer {
            Some(Answer::Lost) => std::future::pending().await,
            Some(Answer::Failed(code)) => Err(Status::new(code, "told to fail")),
            None => Ok(Response::new(SendResponse { id })),
        }
    }

    async fn get_mail(
        &self,
        _: Request<GetMailRequest>,
    ) -> Result<Response<GetMailResponse>, Status> {
        Err(Status::unimplemented("not part of the test"))
    }
}

/// A registered server behind a TCP relay, so that its connections can be cut.
pub(crate) struct TestNotificator {
    addr: String,
    script: Script,
    cut: Arc<Notify>,
    leave: Shutdown,
    registered: JoinHandle<()>,
}

impl TestNotificator {
    pub(crate) async fn start(registry: &Registry) -> TestNotificator {
        let script = Script::default();
        let listener = Listener::on_free_port().await.unwrap();
        let server = listener.local_addr().to_string();
        let service = NotificatorServiceServer::new(script.clone());
        let context = Context::for_test("notificator");
        tokio::spawn(Server::new(&context).grpc(service).serve(listener));

        let cut = Arc::new(Notify::new());
        let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = relay.local_addr().unwrap().to_string();
        tokio::spawn(pass_on(relay, server, cut.clone()));

        let (registry, leave) = (registry.clone(), Shutdown::new());
        let registered = addr.clone();
        let (serving, stop) = (watch::Sender::new(true), leave.clone());
        let registered = tokio::spawn(async move {
            let serving = serving.subscribe();
            registry
                .keep_registered("notificator", &registered, serving, stop)
                .await;
        });
        TestNotificator {
            addr,
            script,
            cut,
            leave,
            registered,
        }
    }

    /// Where it is reached.
    pub(crate) fn addr(&self) -> &str {
        &self.addr
    }

    /// The next call is answered like this.
    pub(crate) fn answer(&self, answer: Answer) {
        self.script.answers.lock().unwrap().push_back(answer);
    }

    /// All mails that came, repeated ones too.
    pub(crate) fn received(&self) -> Vec<SendRequest> {
        self.script.received.lock().unwrap().clone()
    }

    /// Waits until this many mails came.
    pub(crate) async fn receives(&self, count: usize) -> Vec<SendRequest> {
        eventually(SOON, || async {
            Some(self.received()).filter(|received| received.len() >= count)
        })
        .await
    }

    /// Ends all its connections, as a failing network does.
    pub(crate) fn cut(&self) {
        self.cut.notify_waiters();
    }

    /// Is not registered any more.
    pub(crate) async fn leave(&mut self) {
        self.leave.cancel();
        (&mut self.registered).await.unwrap();
    }
}

async fn pass_on(relay: TcpListener, server: String, cut: Arc<Notify>) {
    loop {
        let (mut near, _) = relay.accept().await.unwrap();
        let mut far = TcpStream::connect(&server).await.unwrap();
        let cut = cut.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                () = cut.notified() => {}
            }
        });
    }
}
