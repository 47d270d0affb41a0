//! What every engine of the store promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use futures_util::future::try_join_all;
use muster_kit::health::Health;
use muster_kit::mail::Address;
use muster_kit::store::SqliteUrl;
use muster_notificator::error::Error;
use muster_notificator::mail::{NewMail, State};
use muster_notificator::store::{Attempt, Due, MOST_REFUSED, Store};
use sqlx::SqlitePool;
use tempfile::TempDir;

/// A store of each engine, that can be opened again.
struct Engine {
    folder: TempDir,
}

impl Engine {
    fn all() -> Vec<Engine> {
        vec![Engine {
            folder: tempfile::tempdir().unwrap(),
        }]
    }

    async fn open(&self, most_waiting: usize) -> Store {
        let url = SqliteUrl(self.folder.path().join("notificator.db"));
        Store::open(&url, most_waiting, Health::default().need("store"))
            .await
            .unwrap()
    }
}

fn mail(key: &str, content: &str) -> NewMail {
    let to = Address::parse("ann", &"localhost".parse().unwrap()).unwrap();
    NewMail::with_key(key, to, String::new(), content.to_owned()).unwrap()
}

#[tokio::test]
async fn a_mail_is_kept_with_all_it_says_until_it_is_delivered() {
    for engine in Engine::all() {
        let store = engine.open(10).await;
        store.add(mail("k", "Hello")).await.unwrap();
        store.close().await;
        drop(store);
        let store = engine.open(10).await;
        let due = store.due(10, &[]).await.unwrap().mails;
        assert_eq!((due.len(), due[0].content.as_str()), (1, "Hello"));
        assert_eq!(
            (due[0].id, due[0].to.as_str()),
            (mail("k", "").id, "ann@localhost")
        );

        store
            .settle(due[0].number, Attempt::Delivered)
            .await
            .unwrap();
        assert_eq!(store.due(10, &[]).await.unwrap().mails, []);
        let report = store.report(due[0].id).await.unwrap().unwrap();
        assert_eq!((report.state, report.attempts), (State::Delivered, 1));
    }
}

#[tokio::test]
async fn a_key_names_one_mail_for_good() {
    for engine in Engine::all() {
        let store = engine.open(10).await;
        store.add(mail("k", "Hello")).await.unwrap();
        store.add(mail("k", "Hello")).await.unwrap();
        let due = store.due(10, &[]).await.unwrap().mails;
        assert_eq!(due.len(), 1);
        let other = store.add(mail("k", "Bye")).await;
        assert!(matches!(other, Err(Error::OtherMail)), "{other:?}");

        store
            .settle(due[0].number, Attempt::Delivered)
            .await
            .unwrap();
        store.add(mail("k", "Hello")).await.unwrap();
        assert_eq!(
            store.due(10, &[]).await.unwrap().mails,
            [],
            "it is not delivered again"
        );
        let other = store.add(mail("k", "Bye")).await;
        assert!(
            matches!(other, Err(Error::OtherMail)),
            "also when its text is gone: {other:?}"
        );
    }
}

#[tokio::test]
async fn copies_that_arrive_together_are_one_mail() {
    for engine in Engine::all() {
        let store = engine.open(100).await;
        let sends = (0..64).map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.add(mail(&format!("k{}", number % 8), "Hello")).await })
        });
        for send in sends.collect::<Vec<_>>() {
            send.await.unwrap().unwrap();
        }
        assert_eq!(store.due(100, &[]).await.unwrap().mails.len(), 8);
    }
}

#[tokio::test]
async fn a_mail_that_was_put_off_is_due_later() {
    for engine in Engine::all() {
        let store = engine.open(10).await;
        store.add(mail("k", "Hello")).await.unwrap();
        let due = store.due(10, &[]).await.unwrap().mails;
        let again = Attempt::Again("busy".to_owned(), Duration::from_secs(60));
        store.settle(due[0].number, again).await.unwrap();
        let due = store.due(10, &[]).await.unwrap();
        assert_eq!(due.mails, []);
        let next = due.next.unwrap();
        assert!(
            next > Duration::from_secs(50) && next <= Duration::from_secs(60),
            "{next:?}"
        );
        let report = store.report(mail("k", "").id).await.unwrap().unwrap();
        assert_eq!(
            (report.state, report.last_error.as_str()),
            (State::Queued, "busy")
        );
        let wait_s = (report.due_at_ns - report.created_at_ns) / 1_000_000_000;
        assert!((50..=70).contains(&wait_s), "{wait_s}");

        store.close().await;
        drop(store);
        let store = engine.open(10).await;
        let due = store.due(10, &[]).await.unwrap();
        assert_eq!(due.mails.len(), 1, "it is due at once after a start");
    }
}

#[tokio::test]
async fn a_mail_that_failed_for_good_stays_known_and_is_not_due() {
    for engine in Engine::all() {
        let store = engine.open(10).await;
        store.add(mail("k", "Hello")).await.unwrap();
        let due = store.due(10, &[]).await.unwrap().mails;
        store
            .settle(due[0].number, Attempt::Failed("no such user".to_owned()))
            .await
            .unwrap();
        store
            .settle(due[0].number, Attempt::Delivered)
            .await
            .unwrap();
        let report = store.report(due[0].id).await.unwrap().unwrap();
        assert_eq!(
            report.state,
            State::Failed,
            "what comes late changes nothing"
        );
        assert_eq!(store.due(10, &[]).await.unwrap(), Due::default());
    }
}

#[tokio::test]
async fn a_full_queue_takes_no_more_until_one_is_delivered() {
    for engine in Engine::all() {
        let store = engine.open(2).await;
        store.add(mail("a", "")).await.unwrap();
        store.add(mail("b", "")).await.unwrap();
        let third = store.add(mail("c", "")).await;
        assert!(matches!(third, Err(Error::QueueFull)), "{third:?}");
        store
            .add(mail("a", ""))
            .await
            .expect("a copy needs no room");
        let due = store.due(1, &[]).await.unwrap().mails;
        store
            .settle(due[0].number, Attempt::Delivered)
            .await
            .unwrap();
        store.add(mail("c", "")).await.unwrap();
    }
}

#[tokio::test]
async fn mails_that_are_under_way_are_left_out_and_the_next_ones_come() {
    for engine in Engine::all() {
        let store = engine.open(10).await;
        for key in ["a", "b", "c"] {
            store.add(mail(key, "")).await.unwrap();
        }
        let first = store.due(2, &[]).await.unwrap().mails;
        let numbers: Vec<i64> = first.iter().map(|mail| mail.number).collect();
        assert_eq!(first.len(), 2);
        let rest = store.due(2, &numbers).await.unwrap().mails;
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0].id, mail("c", "").id);
    }
}

#[tokio::test]
async fn the_texts_of_refused_mails_are_not_kept_without_end() {
    let engine = Engine::all().remove(0);
    let store = engine.open(MOST_REFUSED + 2).await;
    let refusals = (0..MOST_REFUSED + 2).map(|number| {
        let store = store.clone();
        async move { store.add(mail(&number.to_string(), "Hello")).await }
    });
    try_join_all(refusals).await.unwrap();
    let due = store.due(usize::MAX, &[]).await.unwrap().mails;
    let refusals = due.iter().map(|mail| {
        let why = "no such user".to_owned();
        store.settle(mail.number, Attempt::Failed(why))
    });
    try_join_all(refusals).await.unwrap();
    store.close().await;
    let path = engine.folder.path().join("notificator.db");
    let database = SqlitePool::connect(&path.display().to_string()).await;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM mails WHERE content <> ''")
        .fetch_one(&database.unwrap())
        .await
        .unwrap();
    assert_eq!(kept, MOST_REFUSED as i64);
}
