//! What callers are answered.

use muster_testkit::eventually;
use tonic::Code;
use tonic::Status;

use crate::{Notificator, SOON, files};

/// That the status is INVALID_ARGUMENT and begins with the field.
fn names(status: &Status, field: &str) {
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    assert!(
        status.message().starts_with(&format!("{field}: ")),
        "{status}"
    );
}

#[tokio::test]
async fn a_mail_is_answered_with_a_uuid_and_becomes_a_file_of_that_name() {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mail");
    let notificator = Notificator::start(folder.path(), &format!("file:{}", mails.display())).await;
    let id = notificator.send_email("test", "Hello").await.unwrap();
    assert_eq!(id.parse::<uuid::Uuid>().unwrap().to_string(), id);
    let (name, mail) = eventually(SOON, || std::future::ready(files(&mails).pop())).await;
    assert_eq!(name, format!("{id}.eml"));
    for line in [
        "From: muster@localhost\r\n",
        "To: test@localhost\r\n",
        "Subject: A message for you\r\n",
        &format!("Message-ID: <{id}@localhost>\r\n"),
    ] {
        assert!(mail.contains(line), "{line:?} is missing in\n{mail}");
    }
    assert!(mail.ends_with("\r\n\r\nHello"), "{mail}");
    let other = notificator.send_email("test", "Hello").await.unwrap();
    assert_ne!(other, id, "without a key each mail is one of its own");
    notificator.stop().await;
}

#[tokio::test]
async fn a_key_is_one_mail() {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mail");
    let notificator = Notificator::start(folder.path(), &format!("file:{}", mails.display())).await;
    let id = notificator
        .send("k", "ann@example.org", "Hello")
        .await
        .unwrap();
    assert_eq!(
        notificator
            .send("k", "ann@EXAMPLE.org", "Hello")
            .await
            .unwrap(),
        id
    );
    let other = notificator
        .send("k", "ann@example.org", "Bye")
        .await
        .unwrap_err();
    assert_eq!(other.code(), Code::AlreadyExists, "{other}");
    let last = notificator
        .send("l", "ann@example.org", "Last")
        .await
        .unwrap();
    // When the last is there, so are all before it.
    let delivered = eventually(SOON, || {
        let files = files(&mails);
        std::future::ready(
            files
                .iter()
                .any(|(name, _)| name.starts_with(&last))
                .then_some(files),
        )
    })
    .await;
    assert_eq!(delivered.len(), 2, "{delivered:?}");
    notificator.stop().await;
}

#[tokio::test]
async fn bad_input_is_refused_with_its_field_and_the_next_mail_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let notificator = Notificator::start(folder.path(), "file:/nowhere/at/all").await;
    for bad in [
        "",
        " ",
        "a\r\nBcc: b@example.org",
        "a@b@c",
        "@example.org",
        "a@",
    ] {
        names(
            &notificator.send_email(bad, "x").await.unwrap_err(),
            "email",
        );
        names(&notificator.send("k", bad, "x").await.unwrap_err(), "to");
    }
    names(
        &notificator.send("", "ann", "x").await.unwrap_err(),
        "idempotency_key",
    );
    names(
        &notificator
            .send(&"k".repeat(256), "ann", "x")
            .await
            .unwrap_err(),
        "idempotency_key",
    );
    let long = "x".repeat(1024 * 1024 + 1);
    names(
        &notificator.send_email("ann", &long).await.unwrap_err(),
        "content",
    );
    names(&notificator.mail("no uuid").await.unwrap_err(), "id");
    let unknown = notificator
        .mail("00000000-0000-0000-0000-000000000000")
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let huge = "x".repeat(5 * 1024 * 1024);
    let refused = notificator.send_email("ann", &huge).await.unwrap_err();
    assert_eq!(
        refused.code(),
        Code::OutOfRange,
        "over what a message may have: {refused}"
    );
    notificator.send_email("ann", "x").await.unwrap();
    notificator.stop().await;
}
