//! What becomes of mails.

use std::time::Duration;

use futures_util::future::try_join_all;
use muster_proto::muster::notificator::v1::MailState;
use muster_testkit::{Smtp, eventually};
use sqlx::SqlitePool;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::{DRAIN, Notificator, SOON, files};

/// Longer than it takes to try again.
const QUIET: Duration = Duration::from_secs(3);

/// Waits until the mail stands so.
async fn stands(notificator: &Notificator, id: &str, state: MailState, attempts: u32) {
    eventually(SOON, || async {
        let mail = notificator.mail(id).await.unwrap();
        (mail.state() == state && mail.attempts >= attempts).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_smtp_server_gets_each_mail_once_with_its_message_id() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = Smtp::start().await;
    let notificator = Notificator::start(folder.path(), &smtp.url()).await;
    let id = notificator
        .send("k", "ann@example.org", "Grüße")
        .await
        .unwrap();
    notificator
        .send("k", "ann@example.org", "Grüße")
        .await
        .unwrap();
    let last = notificator.send_email("bob", "Last").await.unwrap();
    let mails = eventually(SOON, || {
        let mails = smtp.mails();
        std::future::ready((mails.len() >= 2).then_some(mails))
    })
    .await;
    for id in [&id, &last] {
        let of = |mail: &&String| mail.contains(&format!("Message-ID: <{id}@localhost>"));
        assert_eq!(mails.iter().filter(of).count(), 1, "{mails:#?}");
    }
    stands(&notificator, &id, MailState::Delivered, 1).await;
    let mail = notificator.mail(&id).await.unwrap();
    assert_eq!((mail.attempts, mail.next_attempt_at), (1, None));
    notificator.stop().await;
}

#[tokio::test]
async fn a_server_that_is_away_gets_its_mail_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut smtp = Smtp::stopped();
    let notificator = Notificator::start(folder.path(), &smtp.url()).await;
    let id = notificator
        .send_email("ann@example.org", "Hello")
        .await
        .unwrap();
    stands(&notificator, &id, MailState::Queued, 1).await;
    let mail = notificator.mail(&id).await.unwrap();
    assert!(
        !mail.last_error.is_empty() && mail.next_attempt_at.is_some(),
        "{mail:?}"
    );
    smtp.resume().await;
    stands(&notificator, &id, MailState::Delivered, 2).await;
    assert_eq!(smtp.mails().len(), 1);
    notificator.stop().await;
}

#[tokio::test]
async fn mails_that_waited_at_a_stop_are_delivered_once_after_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let mails = folder.path().join("mail");
    let outlet = format!("file:{}", mails.display());
    // Where the folder should be lies a file: nothing can be delivered.
    std::fs::write(&mails, "").unwrap();
    let notificator = Notificator::start(folder.path(), &outlet).await;
    let id = notificator
        .send_email("ann@example.org", "Hello")
        .await
        .unwrap();
    stands(&notificator, &id, MailState::Queued, 1).await;
    notificator.stop().await;

    std::fs::remove_file(&mails).unwrap();
    let notificator = Notificator::start(folder.path(), &outlet).await;
    stands(&notificator, &id, MailState::Delivered, 2).await;
    assert_eq!(files(&mails).len(), 1);
    notificator.stop().await;
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_kept_and_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = Smtp::start_taking(1000).await;
    let notificator = Notificator::start(folder.path(), &smtp.url()).await;
    let id = notificator
        .send_email("ann@example.org", &"long ".repeat(1000))
        .await
        .unwrap();
    stands(&notificator, &id, MailState::Failed, 1).await;
    let mail = notificator.mail(&id).await.unwrap();
    assert_eq!((mail.attempts, mail.next_attempt_at), (1, None));
    assert!(mail.last_error.contains("552"), "{mail:?}");
    assert!(smtp.mails().is_empty());
    notificator.stop().await;
}

#[tokio::test]
async fn a_mail_goes_out_once_though_the_store_cannot_note_it() {
    let folder = tempfile::tempdir().unwrap();
    let smtp = Smtp::start().await;
    let notificator = Notificator::start(folder.path(), &smtp.url()).await;
    notificator.send_email("ann", "First").await.unwrap();
    let path = folder.path().join("notificator.db");
    let store = SqlitePool::connect(&path.display().to_string()).await;
    let store = store.unwrap();
    let broken = "CREATE TRIGGER broken BEFORE UPDATE ON mails
                  BEGIN SELECT RAISE(ABORT, 'broken disk'); END";
    eventually(SOON, || arrived(&smtp, 1)).await;
    sqlx::query(broken).execute(&store).await.unwrap();

    let id = notificator.send_email("ann", "Hello").await.unwrap();
    eventually(SOON, || arrived(&smtp, 2)).await;
    let again = timeout(QUIET, eventually(SOON, || arrived(&smtp, 3))).await;
    assert!(again.is_err(), "it went out again");
    assert_eq!(
        notificator.mail(&id).await.unwrap().state(),
        MailState::Queued
    );
    sqlx::query("DROP TRIGGER broken")
        .execute(&store)
        .await
        .unwrap();
    stands(&notificator, &id, MailState::Delivered, 1).await;
    assert_eq!(smtp.mails().len(), 2);
    notificator.stop().await;
}

#[tokio::test]
async fn a_stop_leaves_a_server_that_never_answers_and_the_mail_waits() {
    let folder = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", silent.local_addr().unwrap());
    let notificator = Notificator::start(folder.path(), &url).await;
    let id = notificator.send_email("ann", "Hello").await.unwrap();
    let _talk = timeout(SOON, silent.accept()).await.unwrap().unwrap();
    timeout(DRAIN + QUIET, notificator.stop()).await.unwrap();

    let smtp = Smtp::start().await;
    let notificator = Notificator::start(folder.path(), &smtp.url()).await;
    stands(&notificator, &id, MailState::Delivered, 1).await;
    assert_eq!(smtp.mails().len(), 1);
    notificator.stop().await;
}

#[tokio::test]
async fn many_mails_at_once_are_all_delivered_once() {
    const MAILS: usize = 200;
    let folder = tempfile::tempdir().unwrap();
    let smtp = Smtp::start().await;
    let notificator = Notificator::start(folder.path(), &smtp.url()).await;
    let sends = (0..MAILS).map(|number| {
        let notificator = &notificator;
        async move { notificator.send(&number.to_string(), "ann", "Hello").await }
    });
    let ids = try_join_all(sends).await.unwrap();
    for id in &ids {
        stands(&notificator, id, MailState::Delivered, 1).await;
    }
    assert_eq!(smtp.mails().len(), MAILS);
    notificator.stop().await;
}

async fn arrived(smtp: &Smtp, mails: usize) -> Option<()> {
    (smtp.mails().len() >= mails).then_some(())
}
