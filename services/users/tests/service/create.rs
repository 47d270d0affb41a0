//! The two APIs.

use muster_kit::discovery::Registry;
use muster_proto::muster::users::v1::{CreateUserRequest, GetUserRequest};
use muster_testkit::curl;
use tempfile::TempDir;
use tonic::Code;

use crate::Users;

async fn start() -> (TempDir, Users) {
    let folder = tempfile::tempdir().unwrap();
    let users = Users::start(&folder, &Registry::in_process()).await;
    // Answers once the service does.
    users.create("first").await;
    (folder, users)
}

/// The status and the body.
async fn http(users: &Users, path: &str, args: &[&str]) -> (u16, String) {
    let url = format!("http://{}{path}", users.addr);
    let mut all = vec!["-w", "\n%{http_code}", url.as_str()];
    all.extend(args);
    let output = curl(&all).await.ok();
    let (body, status) = output.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

async fn post(users: &Users, body: &str) -> (u16, String) {
    http(users, "/create", &["-XPOST", "-d", body]).await
}

#[tokio::test]
async fn a_known_address_is_answered_like_a_new_one() {
    let (_folder, users) = start().await;
    for _ in 0..2 {
        let answer = post(&users, r#"{"email": "test"}"#).await;
        assert_eq!(answer, (200, r#"{"e0":null}"#.to_owned()));
    }
}

#[tokio::test]
async fn bad_input_is_refused_by_name_and_nothing_is_stored() {
    let (_folder, users) = start().await;
    for (body, expected) in [
        ("", "body: expected JSON"),
        ("email=test", "body: expected JSON"),
        (r#"["test"]"#, "body: expected a JSON object"),
        ("{}", "email: required"),
        (r#"{"email": null}"#, "email: required"),
        (r#"{"email": 1}"#, "email: expected a string"),
        (r#"{"email": ""}"#, "email: "),
        (r#"{"email": "a\r\nBcc: b@example.org"}"#, "email: "),
        (r#"{"email": "a@b@c"}"#, "email: "),
    ] {
        let (status, answer) = post(&users, body).await;
        let error: serde_json::Value = serde_json::from_str(&answer).unwrap();
        let error = error["error"].as_str().unwrap();
        assert_eq!(status, 400, "{body}: {answer}");
        assert!(error.starts_with(expected), "{body}: {error}");
    }
    assert_eq!(post(&users, r#"{"email": "test"}"#).await.0, 200);
    // The second user after the one of start().
    let mut client = users.client.clone();
    let second = client.get_user(GetUserRequest { id: 2 }).await.unwrap();
    assert_eq!(second.into_inner().user.unwrap().email, "test@localhost");
    let third = client.get_user(GetUserRequest { id: 3 }).await.unwrap_err();
    assert_eq!(third.code(), Code::NotFound);
}

#[tokio::test]
async fn whatever_cannot_be_served_is_answered_in_json() {
    let (_folder, users) = start().await;
    let long = format!(r#"{{"email": "{}"}}"#, "a".repeat(20_000));
    let answers = [
        (413, post(&users, &long).await),
        (404, http(&users, "/nowhere", &[]).await),
        (405, http(&users, "/create", &[]).await),
        (
            403,
            http(
                &users,
                "/create",
                &["-d", "{}", "-H", "Origin: http://evil.example"],
            )
            .await,
        ),
    ];
    for (expected, (status, body)) in answers {
        let answer: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(status, expected, "{body}");
        assert!(answer["error"].is_string(), "{body}");
    }
}

#[tokio::test]
async fn a_created_user_can_be_had_by_id() {
    let (_folder, users) = start().await;
    let mut client = users.client.clone();
    let request = CreateUserRequest {
        email: " Ann@Example.ORG ".to_owned(),
    };
    let created = client.create_user(request).await.unwrap().into_inner();
    let user = created.user.unwrap();
    assert_eq!(user.email, "Ann@example.org");
    let request = CreateUserRequest {
        email: "ann@example.org".to_owned(),
    };
    let again = client.create_user(request).await.unwrap().into_inner();
    assert_eq!(again.user.as_ref(), Some(&user));
    let found = client
        .get_user(GetUserRequest { id: user.id })
        .await
        .unwrap();
    assert_eq!(found.into_inner().user, Some(user));
}

#[tokio::test]
async fn a_bad_request_is_answered_with_the_field() {
    let (_folder, users) = start().await;
    let mut client = users.client.clone();
    let bad = client
        .create_user(CreateUserRequest::default())
        .await
        .unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
    assert!(bad.message().starts_with("email: "), "{}", bad.message());
    let bad = client.get_user(GetUserRequest { id: 0 }).await.unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
    assert!(bad.message().starts_with("id: "), "{}", bad.message());
}
