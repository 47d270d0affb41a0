//! From the outbox to the notificators.

use std::collections::BTreeSet;

use muster_kit::discovery::Registry;
use muster_proto::muster::notificator::v1::SendRequest;
use muster_testkit::eventually;
use muster_users::user::WELCOME;
use tonic::Code;

use crate::notificator::{Answer, TestNotificator};
use crate::{SOON, Users};

fn keys(mails: &[SendRequest]) -> BTreeSet<&str> {
    mails
        .iter()
        .map(|mail| mail.idempotency_key.as_str())
        .collect()
}

#[tokio::test]
async fn a_new_user_is_welcomed_once() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::in_process());
    let notificator = TestNotificator::start(&registry).await;
    let users = Users::start(&folder, &registry).await;
    for email in ["test", "test", "TEST@localhost", "other"] {
        users.create(email).await;
    }
    let mails = notificator.receives(2).await;
    users.stop().await;
    assert_eq!(notificator.received().len(), 2);
    assert_eq!(
        (mails[0].to.as_str(), mails[0].content.as_str()),
        ("test@localhost", WELCOME)
    );
    assert_eq!(mails[1].to, "other@localhost");
    assert_eq!(keys(&mails).len(), 2);
}

#[tokio::test]
async fn mails_wait_for_a_notificator_and_outlive_a_restart() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::in_process());
    let users = Users::start(&folder, &registry).await;
    users.create("first").await;
    users.stop().await;
    let users = Users::start(&folder, &registry).await;
    users.create("second").await;
    let notificator = TestNotificator::start(&registry).await;
    let mails = notificator.receives(2).await;
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["first@localhost", "second@localhost"]);
    users.stop().await;
}

#[tokio::test]
async fn ten_mails_reach_two_notificators_five_and_five() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::in_process());
    let one = TestNotificator::start(&registry).await;
    let two = TestNotificator::start(&registry).await;
    let users = Users::start(&folder, &registry).await;
    // Until the connections to both are ready, the rotation has one of them.
    let mut earlier = 0;
    while one.received().is_empty() || two.received().is_empty() {
        users.create(&format!("earlier{earlier}")).await;
        earlier += 1;
    }
    let before = eventually(SOON, || async {
        let before = (one.received().len(), two.received().len());
        (before.0 + before.1 == earlier).then_some(before)
    })
    .await;
    for number in 0..10 {
        users.create(&format!("user{number}")).await;
    }
    let (one, two) = (
        one.receives(before.0 + 5).await,
        two.receives(before.1 + 5).await,
    );
    assert_eq!((one.len(), two.len()), (before.0 + 5, before.1 + 5));
    users.stop().await;
}

#[tokio::test]
async fn after_a_lost_reply_a_mail_goes_again_to_the_one_that_may_hold_it() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::in_process());
    let holder = TestNotificator::start(&registry).await;
    holder.answer(Answer::Lost);
    let users = Users::start(&folder, &registry).await;
    users.create("test").await;
    holder.receives(1).await;
    let other = TestNotificator::start(&registry).await;
    eventually(SOON, || async {
        users.create(&format!("more{}", uuid::Uuid::new_v4())).await;
        (!other.received().is_empty()).then_some(())
    })
    .await;
    holder.cut();
    let mails = eventually(SOON, || async {
        let mails = holder.received();
        let copies = mails.iter().filter(|mail| mail.to == "test@localhost");
        (copies.count() == 2).then_some(mails)
    })
    .await;
    let of_test: Vec<_> = mails
        .into_iter()
        .filter(|mail| mail.to == "test@localhost")
        .collect();
    assert_eq!(keys(&of_test).len(), 1);
    users.stop().await;
    assert!(
        other
            .received()
            .iter()
            .all(|mail| mail.to != "test@localhost")
    );
}

#[tokio::test]
async fn where_the_one_that_may_hold_a_mail_is_gone_it_goes_to_another() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::in_process());
    let mut holder = TestNotificator::start(&registry).await;
    holder.answer(Answer::Lost);
    let users = Users::start(&folder, &registry).await;
    users.create("test").await;
    let first = holder.receives(1).await;
    holder.leave().await;
    holder.cut();
    let other = TestNotificator::start(&registry).await;
    let second = other.receives(1).await;
    assert_eq!(first[0], second[0]);
    users.stop().await;
}

#[tokio::test]
async fn a_mail_is_offered_until_it_is_taken() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::in_process());
    let notificator = TestNotificator::start(&registry).await;
    for code in [Code::Unavailable, Code::Internal, Code::ResourceExhausted] {
        notificator.answer(Answer::Failed(code));
    }
    let users = Users::start(&folder, &registry).await;
    users.create("test").await;
    let mails = notificator.receives(4).await;
    assert_eq!(keys(&mails).len(), 1);
    users.create("next").await;
    let mails = notificator.receives(5).await;
    assert_eq!(mails[4].to, "next@localhost");
    users.stop().await;
}

#[tokio::test]
async fn a_mail_that_nobody_will_ever_take_does_not_hold_up_the_others() {
    let (folder, registry) = (tempfile::tempdir().unwrap(), Registry::in_process());
    let notificator = TestNotificator::start(&registry).await;
    notificator.answer(Answer::Failed(Code::InvalidArgument));
    let users = Users::start(&folder, &registry).await;
    users.create("bad").await;
    notificator.receives(1).await;
    users.create("good").await;
    notificator.receives(2).await;
    users.stop().await;
    // Neither is offered again, not even after a restart.
    let users = Users::start(&folder, &registry).await;
    users.create("last").await;
    let mails = notificator.receives(3).await;
    let to: Vec<&str> = mails.iter().map(|mail| mail.to.as_str()).collect();
    assert_eq!(to, ["bad@localhost", "good@localhost", "last@localhost"]);
    users.stop().await;
}
