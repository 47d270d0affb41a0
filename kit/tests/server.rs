//! The serve loop over a real socket: what it answers, and that it always ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::routing::{get, post};
use muster_kit::Shutdown;
use muster_kit::channel::Channel;
use muster_kit::listen::Listener;
use muster_kit::process::Context;
use muster_kit::server::{Limits, Server};
use muster_proto::compat::notificator as pb;
use muster_proto::health::v1::HealthCheckRequest;
use muster_proto::health::v1::health_client::HealthClient;
use pb::notificator_client::NotificatorClient;
use pb::notificator_server::{Notificator, NotificatorServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tonic::{Code, Request, Response, Status};

/// Does what the content of the mail asks for.
struct Handler(Arc<Gate>);

/// Holds a call until the test lets it go.
#[derive(Default)]
struct Gate {
    entered: Notify,
    release: Notify,
}

#[tonic::async_trait]
impl Notificator for Handler {
    async fn send_email(
        &self,
        request: Request<pb::SendEmailRequest>,
    ) -> Result<Response<pb::SendEmailReply>, Status> {
        match request.get_ref().content.as_str() {
            "panic" => panic!("as asked"),
            "hang" => std::future::pending().await,
            "wait" => {
                self.0.entered.notify_one();
                self.0.release.notified().await;
            }
            _ => {}
        }
        Ok(Response::new(pb::SendEmailReply {
            id: "done".to_owned(),
        }))
    }
}

struct Running {
    addr: SocketAddr,
    shutdown: Shutdown,
    gate: Arc<Gate>,
    served: JoinHandle<()>,
}

impl Running {
    async fn start(drain: Duration, limits: Limits) -> Self {
        let context = Context {
            drain,
            origins: "https://app.example.org".parse().unwrap(),
            ..Context::for_test("test")
        };
        let shutdown = context.shutdown.clone();
        let gate = Arc::new(Gate::default());
        let listener = Listener::on_free_port().await.unwrap();
        let addr = listener.local_addr();
        let http = axum::Router::new()
            .route("/hello", get(async || "hello"))
            .route("/echo", post(async |body: String| body));
        let server = Server::new(&context)
            .grpc(NotificatorServer::new(Handler(gate.clone())))
            .http(http)
            .limits(limits);
        let served = tokio::spawn(async move { server.serve(listener).await.unwrap() });
        let mut serving = context.health.watch();
        serving.wait_for(|serving| *serving).await.unwrap();
        Self {
            addr,
            shutdown,
            gate,
            served,
        }
    }

    async fn usual() -> Self {
        Self::start(Duration::from_secs(5), Limits::default()).await
    }

    fn client(&self) -> NotificatorClient<Channel> {
        NotificatorClient::new(Channel::to(&self.addr.to_string()))
    }

    /// Stops it, and tells how long it took to end.
    async fn stop(self) -> Duration {
        let started = Instant::now();
        self.shutdown.cancel();
        self.served.await.unwrap();
        started.elapsed()
    }

    /// One HTTP/1.1 exchange on a connection of its own.
    async fn http(&self, request: &str) -> String {
        let mut socket = TcpStream::connect(self.addr).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn mail(content: &str) -> pb::SendEmailRequest {
    pb::SendEmailRequest {
        email: String::new(),
        content: content.to_owned(),
    }
}

#[tokio::test]
async fn grpc_and_http_share_a_port() {
    let running = Running::usual().await;
    let reply = running.client().send_email(mail("")).await.unwrap();
    assert_eq!(reply.into_inner().id, "done");
    let answer = running
        .http("GET /hello HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await;
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_unknown_method_is_unimplemented_and_an_unknown_path_not_found() {
    let running = Running::usual().await;
    let channel = Channel::to(&running.addr.to_string());
    let mut client =
        muster_proto::muster::users::v1::users_service_client::UsersServiceClient::new(channel);
    let status = client
        .get_user(muster_proto::muster::users::v1::GetUserRequest { id: 1 })
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    let answer = running
        .http("GET /nowhere HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    assert!(
        answer.ends_with(r#"{"error":"no such path: /nowhere"}"#),
        "{answer}"
    );
}

#[tokio::test]
async fn a_panic_fails_its_call_alone() {
    let running = Running::usual().await;
    let mut client = running.client();
    let status = client.send_email(mail("panic")).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(status.message(), "internal error");
    client.send_email(mail("")).await.unwrap();
}

#[tokio::test]
async fn a_deadline_is_answered_as_such() {
    let running = Running::usual().await;
    // Asked over bare HTTP/2, since a client of ours would end the call itself.
    let status = raw_deadline(running.addr, "50m").await;
    assert_eq!(status, "4");
}

#[tokio::test]
async fn without_a_deadline_the_limit_of_the_port_holds() {
    let limits = Limits {
        head_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = Running::start(Duration::from_secs(5), limits).await;
    let status = running.client().send_email(mail("hang")).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn the_callers_request_id_comes_back() {
    let running = Running::usual().await;
    let mut request = Request::new(mail(""));
    request
        .metadata_mut()
        .insert("x-request-id", "abc-1".parse().unwrap());
    let reply = running.client().send_email(request).await.unwrap();
    assert_eq!(reply.metadata().get("x-request-id").unwrap(), "abc-1");
    let failed = running
        .client()
        .send_email(mail("panic"))
        .await
        .unwrap_err();
    assert!(failed.metadata().contains_key("x-request-id"));
}

#[tokio::test]
async fn a_page_of_a_foreign_origin_is_refused() {
    let running = Running::usual().await;
    let post = |headers: &str| {
        format!("POST /echo HTTP/1.1\r\n{headers}content-length: 2\r\nconnection: close\r\n\r\nhi")
    };
    let own = running.http(&post("host: localhost\r\n")).await;
    assert!(own.starts_with("HTTP/1.1 200"), "{own}");
    let foreign = running
        .http(&post("host: localhost\r\norigin: https://evil.example\r\n"))
        .await;
    assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
    let rebound = running.http(&post("host: evil.example\r\n")).await;
    assert!(rebound.starts_with("HTTP/1.1 403"), "{rebound}");
    // What claims to be gRPC is looked at all the same: the JSON routes take any Content-Type.
    for route in ["/echo", "/pb.Notificator/SendEmail"] {
        let claim = "content-type: application/grpc\r\nhost: evil.example\r\n";
        let claimed = running.http(&post(claim).replace("/echo", route)).await;
        assert!(claimed.starts_with("HTTP/1.1 403"), "{route}: {claimed}");
    }
}

#[tokio::test]
async fn a_page_of_an_origin_that_is_allowed_may_ask_and_read_and_no_other_may() {
    let running = Running::usual().await;
    let ask = |origin: &str, method: &str| {
        let asked =
            "access-control-request-method: POST\r\naccess-control-request-headers: x-a\r\n";
        let end = "connection: close\r\ncontent-length: 0\r\n";
        format!(
            "{method} /echo HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\n{asked}{end}\r\n"
        )
    };
    let allowed = "access-control-allow-origin: https://app.example.org\r\n";
    let preflight = running
        .http(&ask("https://app.example.org", "OPTIONS"))
        .await;
    assert!(preflight.starts_with("HTTP/1.1 204"), "{preflight}");
    assert!(preflight.contains(allowed), "{preflight}");
    assert!(preflight.contains("access-control-allow-headers: *, authorization"));
    let answer = running.http(&ask("https://app.example.org", "POST")).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains(allowed), "{answer}");
    for method in ["OPTIONS", "POST"] {
        let foreign = running.http(&ask("https://evil.example", method)).await;
        assert!(foreign.starts_with("HTTP/1.1 403"), "{foreign}");
        assert!(!foreign.contains("access-control"), "{foreign}");
        let own = running.http(&ask("http://localhost", method)).await;
        assert!(!own.contains("access-control"), "{own}");
    }
}

#[tokio::test]
async fn a_connection_that_says_nothing_is_ended() {
    let limits = Limits {
        preface_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let running = Running::start(Duration::from_secs(5), limits).await;
    let mut silent = TcpStream::connect(running.addr).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(5), silent.read(&mut [0; 1])).await;
    assert!(matches!(ended, Ok(Ok(0) | Err(_))), "still open: {ended:?}");
}

#[tokio::test]
async fn a_stop_waits_for_the_calls_that_were_accepted() {
    let running = Running::usual().await;
    let mut probe = HealthClient::new(Channel::to(&running.addr.to_string()));
    let ask = || HealthCheckRequest {
        service: String::new(),
    };
    let mut watch = probe.watch(ask()).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 1);
    let mut client = running.client();
    let call = tokio::spawn(async move { client.send_email(mail("wait")).await });
    running.gate.entered.notified().await;
    running.shutdown.cancel();
    let told = watch.message().await.unwrap().unwrap().status;
    assert_eq!(told, 2, "NOT_SERVING comes before the end");
    running.gate.release.notify_one();
    call.await
        .unwrap()
        .expect("a call that was accepted is answered");
    running.stop().await;
}

#[tokio::test]
async fn a_stop_ends_at_once_with_a_silent_connection_and_an_open_watch() {
    let running = Running::usual().await;
    let _silent = TcpStream::connect(running.addr).await.unwrap();
    let mut probe = HealthClient::new(Channel::to(&running.addr.to_string()));
    let mut watch = probe
        .watch(HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    watch.message().await.unwrap().unwrap();
    let took = running.stop().await;
    assert!(took < Duration::from_secs(3), "took {took:?}");
}

#[tokio::test]
async fn a_stop_cuts_at_its_deadline_what_will_not_end() {
    let drain = Duration::from_millis(300);
    let running = Running::start(drain, Limits::default()).await;
    let mut client = running.client();
    let call = tokio::spawn(async move { client.send_email(mail("hang")).await });
    // Answered on a second connection: by then the first has been accepted as well.
    running.client().send_email(mail("")).await.unwrap();
    let took = running.stop().await;
    assert!(took < 3 * drain + Duration::from_secs(1), "took {took:?}");
    call.await.unwrap().unwrap_err();
}

/// The `grpc-status` that a call which hangs is answered with under a `grpc-timeout`.
async fn raw_deadline(addr: SocketAddr, limit: &str) -> String {
    use http_body_util::{BodyExt, Full};
    use prost::Message as _;

    let socket = hyper_util::rt::TokioIo::new(TcpStream::connect(addr).await.unwrap());
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut send, connection) = hyper::client::conn::http2::handshake(executor, socket)
        .await
        .unwrap();
    tokio::spawn(connection);
    let message = mail("hang").encode_to_vec();
    let mut body = vec![0, 0, 0, 0, message.len() as u8];
    body.extend(message);
    let request = http::Request::post(format!("http://{addr}/pb.Notificator/SendEmail"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-timeout", limit)
        .body(Full::new(bytes::Bytes::from(body)))
        .unwrap();
    let (head, body) = send.send_request(request).await.unwrap().into_parts();
    let trailers = body
        .collect()
        .await
        .unwrap()
        .trailers()
        .cloned()
        .unwrap_or_default();
    let status = head
        .headers
        .get("grpc-status")
        .or(trailers.get("grpc-status"));
    status.unwrap().to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_lost_for_good_ends_the_service() {
    let context = Context::for_test("test");
    let need = context.health.need("store");
    need.met();
    let listener = Listener::on_free_port().await.unwrap();
    let served = tokio::spawn(Server::new(&context).serve(listener));
    context
        .health
        .watch()
        .wait_for(|serving| *serving)
        .await
        .unwrap();
    need.lost_for_good("the disk is gone");
    let ended = tokio::time::timeout(Duration::from_secs(5), served)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ended.unwrap_err().to_string(), "store: the disk is gone");
    assert!(
        context.shutdown.is_cancelled(),
        "the rest of the process ends as well"
    );
}
