//! What every engine of the store promises.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use muster_kit::health::Health;
use muster_kit::mail::Address;
use muster_kit::store::StoreUrl;
use muster_notificator::error::Error;
use muster_notificator::mail::{NewMail, State};
use muster_notificator::store::{Attempt, Store};
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
        let url = StoreUrl::Sqlite(self.folder.path().join("notificator.db"));
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
        let due = store.due(10).await.unwrap();
        assert_eq!((due.len(), due[0].content.as_str()), (1, "Hello"));
        assert_eq!(
            (due[0].id, due[0].to.as_str()),
            (mail("k", "").id, "ann@localhost")
        );

        store
            .settle(due[0].number, Attempt::Delivered)
            .await
            .unwrap();
        assert_eq!(store.due(10).await.unwrap(), []);
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
        let due = store.due(10).await.unwrap();
        assert_eq!(due.len(), 1);
        let other = store.add(mail("k", "Bye")).await;
        assert!(matches!(other, Err(Error::OtherMail)), "{other:?}");

        store
            .settle(due[0].number, Attempt::Delivered)
            .await
            .unwrap();
        store.add(mail("k", "Hello")).await.unwrap();
        assert_eq!(
            store.due(10).await.unwrap(),
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
        assert_eq!(store.due(100).await.unwrap().len(), 8);
    }
}

#[tokio::test]
async fn a_mail_that_was_put_off_is_due_later() {
    for engine in Engine::all() {
        let store = engine.open(10).await;
        store.add(mail("k", "Hello")).await.unwrap();
        let due = store.due(10).await.unwrap();
        let again = Attempt::Again("busy".to_owned(), Duration::from_secs(60));
        store.settle(due[0].number, again).await.unwrap();
        assert_eq!(store.due(10).await.unwrap(), []);
        let next = store.next_due().await.unwrap().unwrap();
        assert!(
            next > Duration::from_secs(50) && next <= Duration::from_secs(60),
            "{next:?}"
        );
        let report = store.report(due[0].id).await.unwrap().unwrap();
        assert_eq!(
            (report.state, report.last_error.as_str()),
            (State::Queued, "busy")
        );
    }
}

#[tokio::test]
async fn a_mail_that_failed_for_good_stays_known_and_is_not_due() {
    for engine in Engine::all() {
        let store = engine.open(10).await;
        store.add(mail("k", "Hello")).await.unwrap();
        let due = store.due(10).await.unwrap();
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
        assert_eq!(store.next_due().await.unwrap(), None);
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
        let due = store.due(1).await.unwrap();
        store
            .settle(due[0].number, Attempt::Delivered)
            .await
            .unwrap();
        store.add(mail("c", "")).await.unwrap();
    }
}
