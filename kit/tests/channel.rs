//! Calls over a channel to real servers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_kit::channel::{Channel, was_sent};
use muster_kit::discovery::Endpoints;
use muster_kit::listen::Listener;
use muster_kit::probe::Probe;
use muster_kit::process::Context;
use muster_kit::server::Server;
use muster_kit::tls::Dial;
use muster_proto::compat::notificator::notificator_client::NotificatorClient;
use muster_proto::compat::notificator::notificator_server::{Notificator, NotificatorServer};
use muster_proto::compat::notificator::{SendEmailReply, SendEmailRequest};
use muster_proto::health::v1::HealthCheckRequest;
use muster_proto::health::v1::health_check_response::ServingStatus;
use muster_proto::health::v1::health_client::HealthClient;
use muster_testkit::eventually;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tonic::{Code, Request, Response, Status};

const SOON: Duration = Duration::from_secs(10);

/// Answers with its own name; a mail to "nobody" is taken and never answered.
struct Named {
    name: &'static str,
    taken: mpsc::UnboundedSender<()>,
}

#[tonic::async_trait]
impl Notificator for Named {
    async fn send_email(
        &self,
        request: Request<SendEmailRequest>,
    ) -> Result<Response<SendEmailReply>, Status> {
        self.taken.send(()).unwrap();
        if request.get_ref().email == "nobody" {
            std::future::pending::<()>().await;
        }
        Ok(Response::new(SendEmailReply {
            id: self.name.to_owned(),
        }))
    }
}

struct TestServer {
    addr: String,
    context: Context,
    taken: mpsc::UnboundedReceiver<()>,
}

impl TestServer {
    async fn start(name: &'static str) -> Self {
        let listener = Listener::on_free_port().await.unwrap();
        let addr = listener.local_addr().to_string();
        let context = Context::for_test("notificator");
        let (sender, taken) = mpsc::unbounded_channel();
        let named = Named {
            name,
            taken: sender,
        };
        let server = Server::new(&context).grpc(NotificatorServer::new(named));
        tokio::spawn(server.serve(listener));
        Self {
            addr,
            context,
            taken,
        }
    }
}

/// A TCP relay whose connections can be cut, as if the server behind it was killed.
struct Relay {
    addr: String,
    task: AbortHandle,
}

impl Relay {
    async fn to(server: &TestServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let server = server.addr.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let mut far = TcpStream::connect(&server).await.unwrap();
                connections.spawn(async move {
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
            }
        });
        Self {
            addr,
            task: task.abort_handle(),
        }
    }

    fn cut(&self) {
        self.task.abort();
    }
}

fn set(addrs: &[&str]) -> Endpoints {
    Arc::new(addrs.iter().map(|addr| (*addr).to_owned()).collect())
}

fn channel_to(addrs: &[&str]) -> (watch::Sender<Endpoints>, Channel) {
    let (sender, endpoints) = watch::channel(set(addrs));
    (sender, Channel::new(endpoints))
}

/// Waits until all of `addrs` are ready.
async fn ready(channel: &Channel, addrs: &[&str]) {
    let all: BTreeSet<String> = set(addrs).iter().cloned().collect();
    eventually(SOON, || async {
        let mut seen = BTreeSet::new();
        for _ in 0..addrs.len() {
            seen.insert(channel.pick().await.addr().to_owned());
        }
        (seen == all).then_some(())
    })
    .await;
}

async fn call(channel: &Channel, email: &str) -> Result<String, Status> {
    let mut client = NotificatorClient::new(channel.clone());
    let request = SendEmailRequest {
        email: email.to_owned(),
        content: "x".to_owned(),
    };
    let reply = client.send_email(request).await?;
    Ok(reply.into_inner().id)
}

async fn tally(channel: &Channel, calls: usize) -> BTreeMap<String, usize> {
    let mut answers = BTreeMap::new();
    for _ in 0..calls {
        *answers
            .entry(call(channel, "a").await.unwrap())
            .or_default() += 1;
    }
    answers
}

#[tokio::test]
async fn ten_calls_reach_two_servers_five_and_five() {
    let (one, two) = (
        TestServer::start("one").await,
        TestServer::start("two").await,
    );
    let (_endpoints, channel) = channel_to(&[&one.addr, &two.addr]);
    ready(&channel, &[&one.addr, &two.addr]).await;
    let answers = tally(&channel, 10).await;
    assert_eq!(
        answers,
        BTreeMap::from([("one".into(), 5), ("two".into(), 5)])
    );
}

#[tokio::test]
async fn endpoints_come_and_go() {
    let (one, two) = (
        TestServer::start("one").await,
        TestServer::start("two").await,
    );
    let (endpoints, channel) = channel_to(&[&one.addr]);
    assert_eq!(
        tally(&channel, 2).await,
        BTreeMap::from([("one".into(), 2)])
    );
    endpoints.send(set(&[&one.addr, &two.addr])).unwrap();
    ready(&channel, &[&one.addr, &two.addr]).await;
    endpoints.send(set(&[&two.addr])).unwrap();
    eventually(SOON, || async {
        channel.peer(&one.addr).is_none().then_some(())
    })
    .await;
    assert_eq!(
        tally(&channel, 2).await,
        BTreeMap::from([("two".into(), 2)])
    );
}

#[tokio::test]
async fn a_killed_server_is_out_of_the_rotation_and_the_calls_that_follow_succeed() {
    let (one, two) = (
        TestServer::start("one").await,
        TestServer::start("two").await,
    );
    let relay = Relay::to(&one).await;
    let (_endpoints, channel) = channel_to(&[&relay.addr, &two.addr]);
    ready(&channel, &[&relay.addr, &two.addr]).await;
    relay.cut();
    // A call that was on its way at that moment may have been handled: it is its caller's.
    eventually(SOON, || async {
        let turns = (channel.pick().await, channel.pick().await);
        (turns.0.addr() == two.addr && turns.1.addr() == two.addr).then_some(())
    })
    .await;
    assert_eq!(
        tally(&channel, 20).await,
        BTreeMap::from([("two".into(), 20)])
    );
}

#[tokio::test]
async fn no_call_fails_when_a_server_drains_under_load() {
    let (one, two) = (
        TestServer::start("one").await,
        TestServer::start("two").await,
    );
    let (_endpoints, channel) = channel_to(&[&one.addr, &two.addr]);
    ready(&channel, &[&one.addr, &two.addr]).await;
    let mut calls = JoinSet::new();
    for task in 0..8 {
        let (channel, stop) = (channel.clone(), one.context.shutdown.clone());
        calls.spawn(async move {
            for number in 0..200 {
                if task == 0 && number == 50 {
                    stop.cancel();
                }
                call(&channel, "a").await.unwrap();
            }
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    assert_eq!(
        tally(&channel, 4).await,
        BTreeMap::from([("two".into(), 4)])
    );
}

#[tokio::test]
async fn without_a_server_a_call_fails_by_its_deadline() {
    let (_endpoints, channel) = channel_to(&[]);
    let mut client = NotificatorClient::new(channel);
    let mut request = Request::new(SendEmailRequest::default());
    request.set_timeout(Duration::from_millis(200));
    let start = Instant::now();
    let status = client.send_email(request).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "no server of pb.Notificator is reachable");
    assert!(!was_sent(&status));
    assert!(start.elapsed() >= Duration::from_millis(200));
    assert!(start.elapsed() < Duration::from_secs(4));
}

#[tokio::test]
async fn a_call_waits_for_a_server_that_comes_in_time() {
    let server = TestServer::start("late").await;
    let (endpoints, channel) = channel_to(&[]);
    let waiting = tokio::spawn(async move { call(&channel, "a").await });
    endpoints.send(set(&[&server.addr])).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), "late");
}

#[tokio::test]
async fn to_a_single_endpoint_that_is_not_there_a_call_fails_at_once_with_the_cause() {
    let nowhere = format!("127.0.0.1:{}", muster_testkit::free_port());
    let channel = Channel::to(&nowhere);
    let start = Instant::now();
    let status = call(&channel, "a").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains(&nowhere), "{}", status.message());
    assert!(status.message().contains("refused"), "{}", status.message());
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn a_call_that_no_answer_came_to_counts_as_sent() {
    let mut server = TestServer::start("one").await;
    let relay = Relay::to(&server).await;
    let channel = Channel::to(&relay.addr);
    let waiting = tokio::spawn(async move { call(&channel, "nobody").await });
    server.taken.recv().await.unwrap();
    relay.cut();
    let status = waiting.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(was_sent(&status));
}

#[tokio::test]
async fn the_deadline_holds_though_the_server_never_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let channel = Channel::to(&listener.local_addr().unwrap().to_string());
    let _connection = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(socket).await.unwrap();
        let mut unanswered = Vec::new();
        while let Some(Ok(request)) = connection.accept().await {
            unanswered.push(request);
        }
    });
    channel.pick().await;
    let mut client = NotificatorClient::new(channel);
    let mut request = Request::new(SendEmailRequest::default());
    request.set_timeout(Duration::from_millis(200));
    let status = client.send_email(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(was_sent(&status));
}

#[tokio::test]
async fn a_port_that_accepts_and_says_nothing_gets_no_turn() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_addr = silent.local_addr().unwrap().to_string();
    let server = TestServer::start("one").await;
    let (_endpoints, channel) = channel_to(&[&silent_addr, &server.addr]);
    let _connection = silent.accept().await.unwrap();
    let answers = tally(&channel, 4).await;
    assert_eq!(answers, BTreeMap::from([("one".into(), 4)]));
}

#[tokio::test]
async fn to_a_single_endpoint_that_says_nothing_a_call_fails_with_the_cause() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let status = call(&Channel::to(&addr), "a").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let expected = format!("cannot connect to {addr}: no answer in time");
    assert_eq!(status.message(), expected);
    assert!(!was_sent(&status));
}

#[tokio::test]
async fn what_speaks_another_protocol_is_no_server() {
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = other.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = other.accept().await.unwrap();
            let _ = socket.write_all(b"220 mail.example ESMTP\r\n").await;
        }
    });
    let status = call(&Channel::to(&addr), "a").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let expected = format!("cannot connect to {addr}: ");
    assert!(status.message().starts_with(&expected), "{status}");
    assert!(!was_sent(&status));
}

#[tokio::test]
async fn a_probe_of_a_port_that_says_nothing_finds_no_connection() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = silent.local_addr().unwrap().to_string();
    let generous = Probe {
        connect_limit: SOON,
        ..Probe::of(&addr)
    };
    for probe in [Probe::of(&addr), generous] {
        assert_eq!(probe.run(Dial::Plain).await.unwrap_err().code(), 2);
    }
}

#[tokio::test]
async fn a_call_that_a_server_refused_untouched_goes_to_another() {
    let refusing = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing_addr = refusing.local_addr().unwrap().to_string();
    let (refused, mut refusals) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let (socket, _) = refusing.accept().await.unwrap();
        let mut connection = h2::server::handshake(socket).await.unwrap();
        while let Some(Ok((_request, mut respond))) = connection.accept().await {
            respond.send_reset(h2::Reason::REFUSED_STREAM);
            refused.send(()).unwrap();
        }
    });
    let server = TestServer::start("other").await;
    let (_endpoints, channel) = channel_to(&[&refusing_addr, &server.addr]);
    ready(&channel, &[&refusing_addr, &server.addr]).await;
    let answers = tally(&channel, 4).await;
    assert_eq!(answers, BTreeMap::from([("other".into(), 4)]));
    refusals.recv().await.unwrap();
}

#[tokio::test]
async fn a_message_too_large_to_be_kept_is_sent_all_the_same() {
    let server = TestServer::start("one").await;
    let mut client = NotificatorClient::new(Channel::to(&server.addr));
    let request = SendEmailRequest {
        email: "a".to_owned(),
        content: "x".repeat(3 * 1024 * 1024),
    };
    let reply = client.send_email(request).await.unwrap();
    assert_eq!(reply.into_inner().id, "one");
}

#[tokio::test]
async fn an_open_stream_outlives_its_channel_and_its_listing() {
    let server = TestServer::start("one").await;
    let (endpoints, channel) = channel_to(&[&server.addr]);
    let mut client = HealthClient::new(channel.clone());
    let watched = client.watch(HealthCheckRequest::default()).await.unwrap();
    let mut statuses = watched.into_inner();
    let first = statuses.message().await.unwrap().unwrap();
    assert_eq!(first.status(), ServingStatus::Serving);

    endpoints.send(set(&[])).unwrap();
    eventually(SOON, || async {
        channel.peer(&server.addr).is_none().then_some(())
    })
    .await;
    drop((channel, client));
    let _need = server.context.health.need("store");
    let next = statuses.message().await.unwrap().unwrap();
    assert_eq!(next.status(), ServingStatus::NotServing);
}

#[tokio::test]
async fn a_peer_is_the_endpoint_that_was_asked_for_and_no_other() {
    let (one, two) = (
        TestServer::start("one").await,
        TestServer::start("two").await,
    );
    let (_endpoints, channel) = channel_to(&[&one.addr, &two.addr]);
    ready(&channel, &[&one.addr, &two.addr]).await;
    for _ in 0..3 {
        let mut client = NotificatorClient::new(channel.peer(&two.addr).unwrap());
        let reply = client
            .send_email(SendEmailRequest::default())
            .await
            .unwrap();
        assert_eq!(reply.into_inner().id, "two");
    }
    assert!(channel.peer("127.0.0.1:1").is_none());
}
