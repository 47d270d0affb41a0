//! Copies of a store that is being written to, and what is wrong with a store.

use std::path::{Path, PathBuf};

use muster_activity::batch::{BATCH_LIMIT_EVENTS, Batch};
use muster_activity::event::NewEvent;
use muster_activity::selection::Topics;
use muster_activity::store::{Finding, Progress, Stats, Store, backup, verify};
use muster_activity::trim::Trim;
use muster_kit::process::Context;
use muster_kit::store::SqliteUrl;
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;

use crate::engine::{Engine, append_all, engines, event, other, read_all};

/// A copy, in a folder of its own.
struct Copy {
    folder: TempDir,
}

impl Copy {
    async fn of(engine: &Engine) -> (Copy, Stats) {
        let folder = tempfile::tempdir().unwrap();
        let (url, path) = (engine.url(), folder.path().join("copy.db"));
        let copying = tokio::task::spawn_blocking(move || backup(&url, &path, |_| {}));
        let stats = copying.await.unwrap().unwrap();
        (Copy { folder }, stats)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("copy.db")
    }

    fn url(&self) -> SqliteUrl {
        SqliteUrl(self.path())
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.folder.path()).unwrap().count()
    }

    async fn open(&self) -> Store {
        let need = Context::for_test("activity").health.need("store");
        Store::open(&self.url(), need).await.unwrap()
    }
}

fn findings(url: &SqliteUrl) -> Vec<Finding> {
    verify(url, |_| {}).unwrap()
}

/// Events of many topics, more than the index keeps in memory.
fn many() -> impl Iterator<Item = NewEvent> {
    let topic = |n: u32| format!("room/{}", n % 97);
    let of_topics = (1..=45_000).map(move |n| other(&topic(n), &n.to_string(), "a message"));
    of_topics.chain((1..=100).map(|id| event(7, id, "built")))
}

async fn append_many(store: &Store) {
    let events: Vec<_> = many().collect();
    for events in events.chunks(BATCH_LIMIT_EVENTS) {
        let batch = Batch::new(events.to_vec(), None).unwrap();
        store.append_batch(batch).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_under_load_is_a_prefix_that_has_all_that_was_acknowledged_before() {
    for engine in engines() {
        let store = engine.open().await;
        append_all(&store, (1..=2_000).map(|id| event(1, id, "before"))).await;
        let mut appends = JoinSet::new();
        for id in 1..=20_000 {
            let store = store.clone();
            let meanwhile = event(2, id, &"meanwhile ".repeat(50));
            appends.spawn(async move { store.append(meanwhile).await });
        }
        let mut positions = store.watch();
        let acknowledged = *positions.wait_for(|last| *last >= 6_000).await.unwrap();
        let (copy, stats) = Copy::of(&engine).await;
        while let Some(appended) = appends.join_next().await {
            appended.unwrap().unwrap();
        }
        let all = read_all(&store).await;
        assert!(stats.last_position >= acknowledged);
        assert_eq!(stats.events, stats.last_position);
        assert_eq!(findings(&copy.url()), []);
        assert_eq!(copy.files(), 1, "a backup is one file");

        let copied = copy.open().await;
        let events = read_all(&copied).await;
        assert_eq!(events, all[..stats.last_position as usize]);
        let next = copied.append(event(9, 1, "goes on")).await.unwrap();
        assert_eq!(next.into_event().position, stats.last_position + 1);
        copied.close().await;
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_never_begins_anew_though_events_are_stored_between_its_steps() {
    for engine in engines() {
        let store = engine.open().await;
        let long = "x".repeat(50_000);
        append_all(&store, (1..=200).map(|id| event(1, id, &long))).await;
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join("copy.db");
        let mut steps = Vec::new();
        let progress = |now: Progress| {
            assert!(steps.last() < Some(&now.done), "{steps:?}: began anew");
            steps.push(now.done);
            let between = store.append(event(2, 0, "between"));
            Handle::current().block_on(between).unwrap();
        };
        let url = engine.url();
        let copied = tokio::task::block_in_place(|| backup(&url, &copy, progress).unwrap());
        assert!(steps.len() > 1, "{steps:?}");
        assert_eq!(copied.last_position, 200);
        assert_eq!(store.last_position(), 200 + steps.len() as i64);
        store.close().await;
    }
}

#[tokio::test]
async fn a_copy_becomes_another_store_when_it_is_first_opened_and_stays_that() {
    for engine in engines() {
        let store = engine.open().await;
        store.append(event(1, 1, "a")).await.unwrap();
        let (copy, _) = Copy::of(&engine).await;
        let copied = copy.open().await;
        let id = copied.id();
        assert_ne!(id, store.id());
        copied.close().await;
        let copied = copy.open().await;
        assert_eq!(copied.id(), id);
        copied.close().await;
        store.close().await;
    }
}

#[tokio::test]
async fn a_copy_replaces_nothing_and_leaves_nothing_when_it_fails() {
    for engine in engines() {
        let store = engine.open().await;
        let (copy, _) = Copy::of(&engine).await;
        let refused = backup(&engine.url(), &copy.path(), |_| {}).unwrap_err();
        let told = refused.to_string();
        assert!(told.ends_with("copy.db: it is there already"), "{told}");
        let nowhere = SqliteUrl(copy.folder.path().join("other.db"));
        let refused = backup(&nowhere, &copy.folder.path().join("x"), |_| {}).unwrap_err();
        assert!(
            refused.to_string().contains("other.db: No such file"),
            "{refused}"
        );
        assert_eq!(copy.files(), 1);
        store.close().await;
    }
}

#[tokio::test]
async fn a_file_that_is_no_store_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.db");
    std::fs::write(&path, "").unwrap();
    let url = SqliteUrl(path);
    let refused = backup(&url, &folder.path().join("x"), |_| {}).unwrap_err();
    assert!(
        refused.to_string().ends_with("it is no store of events"),
        "{refused}"
    );
    assert!(!folder.path().join("x").exists());
}

#[tokio::test]
async fn nothing_is_wrong_with_a_store_while_it_is_served_and_after_it() {
    for engine in engines() {
        let store = engine.open().await;
        append_many(&store).await;
        assert_eq!(findings(&engine.url()), []);
        for (topic, up_to) in [("room/7", 30_000), ("deployment/7", 50_000)] {
            let trim = Trim::new(Topics::One(topic.into()), Some(up_to), None).unwrap();
            trim.run(&store).await.unwrap();
        }
        assert_eq!(findings(&engine.url()), []);
        store.close().await;
        assert_eq!(findings(&engine.url()), []);
    }
}

/// The copy of a store with many events, made once.
async fn whole_copy() -> &'static [u8] {
    static COPY: OnceCell<Vec<u8>> = OnceCell::const_new();
    let make = async || {
        let engine = engines().remove(0);
        let store = engine.open().await;
        append_many(&store).await;
        let (copy, _) = Copy::of(&engine).await;
        store.close().await;
        assert_eq!(findings(&copy.url()), []);
        std::fs::read(copy.path()).unwrap()
    };
    COPY.get_or_init(make).await
}

/// What is found in a copy on which `damage` was done.
async fn damaged(damage: impl FnOnce(&Path)) -> Vec<Finding> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.db");
    std::fs::write(&path, whole_copy().await).unwrap();
    damage(&path);
    findings(&SqliteUrl(path))
}

async fn after(sql: &str) -> Vec<String> {
    let findings = damaged(|path| {
        let database = rusqlite::Connection::open(path).unwrap();
        database.execute_batch(sql).unwrap();
    });
    let findings = findings.await;
    findings.iter().map(|finding| finding.to_string()).collect()
}

#[tokio::test]
async fn bytes_that_flipped_are_found() {
    let found = damaged(|path| {
        let mut bytes = std::fs::read(path).unwrap();
        let middle = bytes.len() / 2 / 4_096 * 4_096;
        for byte in &mut bytes[middle..middle + 8] {
            *byte ^= 0xff;
        }
        std::fs::write(path, bytes).unwrap();
    });
    assert_ne!(found.await, []);
}

#[tokio::test]
async fn a_file_that_was_cut_or_is_another_one_is_found() {
    let cut = damaged(|path| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_len(file.metadata().unwrap().len() / 2).unwrap();
    });
    assert_ne!(cut.await, []);
    let other = damaged(|path| std::fs::write(path, "a letter to ann, ".repeat(1_000)).unwrap());
    assert_ne!(other.await, []);
}

#[tokio::test]
async fn events_that_are_missing_are_found_by_their_positions() {
    let found = after(
        "DELETE FROM events WHERE position = 1;
         DELETE FROM events WHERE position BETWEEN 44_000 AND 44_002;",
    );
    let found = found.await;
    assert_eq!(found[0], "event 1: it is missing");
    assert_eq!(found[1], "events 44000 to 44002: 3 are missing");
}

#[tokio::test]
async fn an_event_that_says_what_could_not_be_stored_is_found() {
    let found = after(
        "UPDATE events SET attributes = '{' WHERE position = 3;
         UPDATE events SET kind = 'a' || char(10) WHERE position = 4;
         UPDATE events SET topic = 999999 WHERE position = 45100;
         UPDATE meta SET value = 'x';
         INSERT INTO meta VALUES ('store_id', 'mine');",
    );
    let found = found.await;
    assert_eq!(found[0], r#"store id: "mine" is not a uuid"#);
    assert!(found[1].starts_with("event 3: "), "{found:?}");
    assert_eq!(found[2], "event 4: kind: has a control character");
    assert_eq!(found[3], "event 45100: its topic is missing");
}

#[tokio::test]
async fn an_index_that_does_not_lead_to_the_events_is_found() {
    let found = after("UPDATE events SET id = 'other' WHERE position = 5;").await;
    assert_eq!(found, ["event 5: it is not found by its id"]);
    let found = after("UPDATE events SET id = '44999', topic = (SELECT topic FROM events WHERE position = 44999) WHERE position = 45000;").await;
    assert_eq!(found, ["event 45000: its id leads to event 44999"]);
    let found = after("DELETE FROM postings WHERE topic = 1;").await;
    assert!(found[0].starts_with("topics: they list "), "{found:?}");
}
