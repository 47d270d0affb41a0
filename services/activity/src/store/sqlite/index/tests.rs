#![allow(clippy::unwrap_used)]

use super::super::schema;
use super::*;

const EVENTS_PER_RUN: i64 = 500;

fn database() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::migrate(&mut connection).unwrap();
    connection
}

fn entry(position: i64) -> Entry {
    let identity = Identity::of(1, &position.to_string());
    Entry { identity, position }
}

/// Adds the run with this number, from 0.
fn add_run(runs: &mut Runs<'_>, number: i64) {
    let positions = number * EVENTS_PER_RUN..(number + 1) * EVENTS_PER_RUN;
    let mut entries: Vec<Entry> = positions.map(entry).collect();
    entries.sort_unstable();
    runs.add(&entries).unwrap();
}

fn assert_has_exactly(runs: &mut Runs<'_>, events: i64) {
    for position in 0..events {
        let found = runs.find(entry(position).identity).unwrap();
        assert_eq!(found, Some(position));
    }
    for position in events..events + 1_000 {
        assert_eq!(runs.find(entry(position).identity).unwrap(), None);
    }
}

fn count(database: &Connection, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    database.query_row(&count, [], |row| row.get(0)).unwrap()
}

#[test]
fn runs_become_few_and_lose_nothing_on_the_way() {
    let database = database();
    let mut runs = Runs::open(&database).unwrap();
    for number in 0..70 {
        add_run(&mut runs, number);
        assert!(number < 7 || runs.work(1).unwrap());
        if number % 10 == 9 {
            assert_has_exactly(&mut runs, (number + 1) * EVENTS_PER_RUN);
        }
    }
    while runs.work(100_000).unwrap() {}
    assert_has_exactly(&mut runs, 70 * EVENTS_PER_RUN);
    // 70 = 1 of 64, none of 8, 6 of 1.
    assert_eq!(count(&database, "identity_runs"), 7);
    let entries: i64 = database
        .query_row(
            "SELECT sum(length(entries)) / 22 FROM identity_blocks",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(entries, 70 * EVENTS_PER_RUN);
}

#[test]
fn a_merge_that_was_cut_off_begins_anew_and_leaves_nothing_behind() {
    let database = database();
    for number in 0..8 {
        add_run(&mut Runs::open(&database).unwrap(), number);
    }
    let mut runs = Runs::open(&database).unwrap();
    runs.work(10_000).unwrap();
    let mut runs = Runs::open(&database).unwrap();
    assert_has_exactly(&mut runs, 8 * EVENTS_PER_RUN);
    while runs.work(100_000).unwrap() {}
    assert_has_exactly(&mut runs, 8 * EVENTS_PER_RUN);
    assert_eq!(count(&database, "identity_runs"), 1);
    let runs_with_blocks = "SELECT count(DISTINCT block >> 32) FROM identity_blocks";
    let runs_with_blocks: i64 = database
        .query_row(runs_with_blocks, [], |row| row.get(0))
        .unwrap();
    assert_eq!(runs_with_blocks, 1);
}

/// Appends events to the index alone, from this position on, in one transaction.
fn append(database: &Connection, index: &mut Index<'_>, positions: std::ops::Range<i64>) {
    for position in positions {
        index.add(position % 3, entry(position).identity, position);
    }
    let transaction = database.unchecked_transaction().unwrap();
    index.before_commit().unwrap();
    transaction.commit().unwrap();
    index.after_commit();
}

#[test]
fn a_transaction_that_failed_leaves_the_index_as_it_was() {
    let database = database();
    let mut index = Index::open(&database, Arc::default()).unwrap();
    append(&database, &mut index, 1..101);

    let transaction = database.unchecked_transaction().unwrap();
    for position in 101..RUN_ENTRIES as i64 + 200 {
        index.add(0, entry(position).identity, position);
    }
    index.before_commit().unwrap();
    assert_eq!(count(&database, "identity_runs"), 1);
    transaction.rollback().unwrap();
    index.after_rollback().unwrap();

    assert_eq!(index.find(entry(100).identity).unwrap(), Some(100));
    assert_eq!(index.find(entry(101).identity).unwrap(), None);
    assert_eq!(index.last_of(0).unwrap(), 99);
    append(&database, &mut index, 101..RUN_ENTRIES as i64 + 200);
    for position in 1..RUN_ENTRIES as i64 + 200 {
        assert_eq!(
            index.find(entry(position).identity).unwrap(),
            Some(position)
        );
    }
    assert_eq!(index.unindexed.len(), 199);
}

#[test]
fn what_a_batch_added_can_be_undone_alone() {
    let database = database();
    let mut index = Index::open(&database, Arc::default()).unwrap();
    index.add(1, entry(1).identity, 1);
    index.add(1, entry(2).identity, 2);
    index.undo_to(1);
    assert_eq!(index.find(entry(1).identity).unwrap(), Some(1));
    assert_eq!(index.find(entry(2).identity).unwrap(), None);
    assert_eq!(index.last_of(1).unwrap(), 1);
}

#[test]
fn the_last_position_of_a_topic_is_known_wherever_it_lies() {
    let database = database();
    let mut index = Index::open(&database, Arc::default()).unwrap();
    index.add(7, entry(1).identity, 1);
    append(&database, &mut index, 2..RUN_ENTRIES as i64 * 3);
    assert_eq!(index.last_of(7).unwrap(), 1);
    assert_eq!(index.last_of(8).unwrap(), 0);
}
