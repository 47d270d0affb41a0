//! A message that is too large is refused, and costs nobody the next call.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use muster_kit::channel::Channel;
use muster_proto::compat::activity::EventRequest;
use muster_proto::compat::activity::activity_events_client::ActivityEventsClient;
use muster_proto::compat::notificator::SendEmailRequest;
use muster_proto::compat::notificator::notificator_client::NotificatorClient;
use muster_proto::compat::presence::User;
use muster_proto::compat::presence::presence_client::PresenceClient;
use muster_proto::compat::scheduling::conflict_service_client::ConflictServiceClient;
use muster_proto::compat::scheduling::{Event, EventList};
use muster_proto::muster::users::v1::CreateUserRequest;
use muster_proto::muster::users::v1::users_service_client::UsersServiceClient;
use muster_testkit::Service;
use tonic::{Code, Status};

const MIB: usize = 1024 * 1024;

/// Makes a call with a text that is too large, and one with a text that is not, on the same connection.
async fn only_the_large_is_refused(
    limit_bytes: usize,
    call: impl AsyncFn(String) -> Result<(), Status>,
) {
    let refused = call("x".repeat(limit_bytes)).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    call("x".to_owned()).await.unwrap();
}

/// A channel to one service of the suite.
fn channel(suite: &Service, name: &str) -> Channel {
    Channel::to(&suite.addr_of(name))
}

#[tokio::test]
async fn presence_takes_4_mib() {
    let suite = Service::suite(&[]).await;
    let client = PresenceClient::new(channel(&suite, "presence"));
    let call = async |name| client.clone().monitor(User { name }).await.map(drop);
    only_the_large_is_refused(4 * MIB, call).await;
}

#[tokio::test]
async fn activity_takes_4_mib() {
    let suite = Service::suite(&[]).await;
    let client = ActivityEventsClient::new(channel(&suite, "activity"));
    let call = async |message| {
        let event = EventRequest {
            message,
            ..EventRequest::default()
        };
        client.clone().create_event(event).await.map(drop)
    };
    only_the_large_is_refused(4 * MIB, call).await;
}

#[tokio::test]
async fn notificator_takes_4_mib() {
    let suite = Service::suite(&[]).await;
    let client = NotificatorClient::new(channel(&suite, "notificator"));
    let call = async |content| {
        let email = "ann@example.org".to_owned();
        let mail = SendEmailRequest { email, content };
        client.clone().send_email(mail).await.map(drop)
    };
    only_the_large_is_refused(4 * MIB, call).await;
}

#[tokio::test]
async fn users_takes_4_mib() {
    let suite = Service::suite(&[]).await;
    let client = UsersServiceClient::new(channel(&suite, "users"));
    let call = async |email| {
        client
            .clone()
            .create_user(CreateUserRequest { email })
            .await
            .map(drop)
    };
    only_the_large_is_refused(4 * MIB, call).await;
}

#[tokio::test]
async fn conflicts_takes_64_mib() {
    let suite = Service::suite(&[]).await;
    let client = ConflictServiceClient::new(channel(&suite, "conflicts"));
    let call = async |title| {
        let event = Event {
            title,
            start: Some(Default::default()),
            end: Some(Default::default()),
            ..Event::default()
        };
        let events = vec![event];
        client
            .clone()
            .get_conflicts(EventList { events })
            .await
            .map(drop)
    };
    only_the_large_is_refused(64 * MIB, call).await;
}
