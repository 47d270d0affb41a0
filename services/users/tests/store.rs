//! What every engine of the store promises.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;
use std::time::Duration;

use muster_kit::health::Health;
use muster_kit::mail::Address;
use muster_kit::store::SqliteUrl;
use muster_testkit::eventually;
use muster_users::error::Error;
use muster_users::store::{MAX_WAITING, Offered, Store};
use muster_users::user::{NewUser, WELCOME};
use tempfile::TempDir;
use tokio::task::JoinSet;

const SOON: Duration = Duration::from_secs(10);
const CLAIM: Duration = Duration::from_secs(3600);

/// A store that can be opened again.
struct Engine {
    url: SqliteUrl,
    _folder: TempDir,
}

/// An empty store of each kind.
fn engines() -> Vec<Engine> {
    let folder = tempfile::tempdir().unwrap();
    let url = SqliteUrl(folder.path().join("users.db"));
    vec![Engine {
        url,
        _folder: folder,
    }]
}

impl Engine {
    async fn open(&self) -> Store {
        self.open_for(MAX_WAITING).await.unwrap()
    }

    async fn open_for(&self, max_waiting: usize) -> Result<Store, Error> {
        Store::open(&self.url, max_waiting, Health::default().need("store")).await
    }
}

fn new_user(email: &str) -> NewUser {
    NewUser::new(
        Address::parse(email, &"localhost".parse().unwrap()).unwrap(),
        5,
    )
}

async fn create(store: &Store, email: &str) -> i64 {
    store.create(new_user(email)).await.unwrap().id
}

async fn due(store: &Store) -> Vec<String> {
    let due = store.due(10).await.unwrap();
    due.mails.into_iter().map(|mail| mail.to).collect()
}

async fn number_of(store: &Store, to: &str) -> i64 {
    let due = store.due(10).await.unwrap().mails;
    due.iter().find(|mail| mail.to == to).unwrap().number
}

#[tokio::test]
async fn a_user_and_the_mail_are_stored_together() {
    for engine in engines() {
        let store = engine.open().await;
        let user = store.create(new_user("ann@example.org")).await.unwrap();
        assert_eq!((user.id, user.created_at_ns), (1, 5));
        assert_eq!(store.user(1).await.unwrap(), Some(user));
        assert_eq!(store.user(2).await.unwrap(), None);
        let mails = store.due(10).await.unwrap().mails;
        assert_eq!(mails.len(), 1);
        assert_eq!(
            (mails[0].to.as_str(), mails[0].content.as_str()),
            ("ann@example.org", WELCOME)
        );
        assert_eq!((mails[0].attempts, &mails[0].offered_to), (0, &None));
    }
}

#[tokio::test]
async fn an_address_has_one_user_and_one_mail() {
    for engine in engines() {
        let store = engine.open().await;
        let first = store.create(new_user("Ann@Example.org")).await.unwrap();
        let again = store.create(new_user("ANN@example.org")).await.unwrap();
        assert_eq!(again, first);
        assert_eq!(first.email, "Ann@example.org");
        assert_eq!(store.waiting(), 1);
        assert!(create(&store, "bob").await > first.id);
    }
}

#[tokio::test]
async fn registrations_of_one_address_at_one_time_make_one_user() {
    for engine in engines() {
        let store = engine.open().await;
        let registrations = (0..20).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { create(&store, "ann").await })
        });
        for registration in registrations.collect::<Vec<_>>() {
            assert_eq!(registration.await.unwrap(), 1);
        }
        assert_eq!(store.waiting(), 1);
    }
}

#[tokio::test]
async fn all_is_there_after_a_reopening_and_all_mails_are_due() {
    for engine in engines() {
        let store = engine.open().await;
        create(&store, "ann").await;
        create(&store, "bob").await;
        let ann = number_of(&store, "ann@localhost").await;
        store.offer(ann, "n:1", CLAIM).await.unwrap();
        assert_eq!(due(&store).await, ["bob@localhost"]);
        store.close().await;
        drop(store);

        let store = engine.open().await;
        assert_eq!(store.user(2).await.unwrap().unwrap().email, "bob@localhost");
        assert_eq!(store.waiting(), 2);
        let mails = store.due(10).await.unwrap().mails;
        assert_eq!(mails[0].offered_to.as_deref(), Some("n:1"));
        assert_eq!(mails[0].attempts, 1);
        assert_eq!(due(&store).await, ["ann@localhost", "bob@localhost"]);
    }
}

#[tokio::test]
async fn mails_are_due_in_order_and_those_tried_again_after_their_delay() {
    for engine in engines() {
        let store = engine.open().await;
        for name in ["ann", "bob", "cay"] {
            create(&store, name).await;
        }
        let ann = number_of(&store, "ann@localhost").await;
        store.offer(ann, "n:1", CLAIM).await.unwrap();
        let again = |delay, is_held| Offered::Again { delay, is_held };
        store.settle(ann, again(CLAIM, true)).await.unwrap();
        assert_eq!(due(&store).await, ["bob@localhost", "cay@localhost"]);

        let delay = Duration::from_millis(50);
        store.settle(ann, again(delay, true)).await.unwrap();
        let found = eventually(SOON, || async {
            let due = store.due(10).await.unwrap().mails;
            (due.len() == 3).then_some(due)
        });
        let found = found.await;
        assert_eq!(found[2].to, "ann@localhost");
        assert_eq!(found[2].offered_to.as_deref(), Some("n:1"));

        store
            .settle(ann, again(Duration::ZERO, false))
            .await
            .unwrap();
        let found = store.due(10).await.unwrap().mails;
        assert_eq!((found[2].number, &found[2].offered_to), (ann, &None));
    }
}

#[tokio::test]
async fn where_nothing_is_due_the_store_says_when_something_will_be() {
    for engine in engines() {
        let store = engine.open().await;
        assert_eq!(store.due(10).await.unwrap().next, None);
        create(&store, "ann").await;
        let ann = number_of(&store, "ann@localhost").await;
        store.offer(ann, "n:1", CLAIM).await.unwrap();
        let next = store.due(10).await.unwrap().next.unwrap();
        assert!(next <= CLAIM && next > CLAIM / 2, "{next:?}");
    }
}

#[tokio::test]
async fn what_is_taken_or_refused_waits_no_longer() {
    for engine in engines() {
        let store = engine.open().await;
        create(&store, "ann").await;
        create(&store, "bob").await;
        let ann = number_of(&store, "ann@localhost").await;
        store.settle(ann, Offered::Taken).await.unwrap();
        assert_eq!(
            (store.waiting(), due(&store).await),
            (1, vec!["bob@localhost".to_owned()])
        );
        let bob = number_of(&store, "bob@localhost").await;
        store
            .settle(bob, Offered::Refused("bad".into()))
            .await
            .unwrap();
        assert_eq!((store.waiting(), due(&store).await), (0, vec![]));
        store.close().await;
        drop(store);
        let store = engine.open().await;
        assert_eq!((store.waiting(), due(&store).await), (0, vec![]));
        assert_eq!(create(&store, "ann").await, 1);
        assert_eq!(store.waiting(), 0);
    }
}

#[tokio::test]
async fn a_full_outbox_takes_nobody_and_does_not_tell_who_is_known() {
    for engine in engines() {
        let store = engine.open_for(2).await.unwrap();
        create(&store, "ann").await;
        create(&store, "bob").await;
        for email in ["cay", "ann"] {
            let refused = store.create(new_user(email)).await;
            assert!(matches!(refused, Err(Error::OutboxFull)), "{refused:?}");
        }
        let ann = number_of(&store, "ann@localhost").await;
        store.settle(ann, Offered::Taken).await.unwrap();
        assert_eq!(create(&store, "cay").await, 3);
    }
}

#[tokio::test]
async fn an_open_store_is_not_opened_a_second_time() {
    for engine in engines() {
        let store = engine.open().await;
        assert!(engine.open_for(MAX_WAITING).await.is_err());
        store.close().await;
        drop(store);
        engine.open().await;
    }
}

#[tokio::test]
async fn of_more_sign_ups_than_can_wait_some_are_turned_away_and_the_others_stored() {
    for engine in engines() {
        let store = engine.open().await;
        let mut creating = JoinSet::new();
        for number in 0..3000 {
            let store = store.clone();
            creating.spawn(async move { store.create(new_user(&format!("u{number}"))).await });
        }
        let (mut stored, mut turned_away) = (Vec::new(), 0);
        while let Some(created) = creating.join_next().await {
            match created.unwrap() {
                Ok(user) => stored.push(user),
                Err(Error::Busy) => turned_away += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(turned_away > 0);
        assert_eq!(store.waiting(), stored.len());
        for user in stored {
            assert_eq!(store.user(user.id).await.unwrap(), Some(user));
        }
        create(&store, "later").await;
    }
}

#[tokio::test]
async fn sign_ups_of_one_address_at_one_time_are_one_user() {
    for engine in engines() {
        let store = engine.open().await;
        let mut creating = JoinSet::new();
        for _ in 0..20 {
            let store = store.clone();
            creating.spawn(async move { create(&store, "ann").await });
        }
        let ids: BTreeSet<i64> = creating.join_all().await.into_iter().collect();
        assert_eq!((ids.len(), store.waiting()), (1, 1));
    }
}

#[tokio::test]
async fn a_sign_up_whose_caller_went_away_is_stored_and_told_of() {
    for engine in engines() {
        let store = engine.open().await;
        let created = tokio::time::timeout(Duration::ZERO, store.create(new_user("ann")));
        created.await.expect_err("stored at once");
        let told = store.mail_waits().notified();
        tokio::time::timeout(SOON, told).await.unwrap();
        assert_eq!(due(&store).await, ["ann@localhost"]);
    }
}
