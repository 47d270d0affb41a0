//! What every engine of the store promises.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod engine;
mod keys;
mod lists;
mod outbox;
mod shared;
mod tasks;

use engine::Engine;
use muster_testkit::MariaDb;

/// Holds SQLite to each promise in a test of its own, and one MariaDB to all of them, in a database each.
macro_rules! promises {
    ($($file:ident: $($promise:ident)+;)+) => {
        mod sqlite {
            $($(#[tokio::test]
            async fn $promise() {
                crate::$file::$promise(&crate::Engine::sqlite()).await;
            })+)+
        }

        #[tokio::test]
        async fn mariadb_keeps_all_promises() {
            let server = MariaDb::start().await;
            $($({
                println!("{}", stringify!($promise));
                let mut database = stringify!($promise).to_owned();
                // No name there is longer.
                database.truncate(64);
                $file::$promise(&Engine::mariadb(&server, &database).await).await;
            })+)+
        }
    };
}

promises! {
    tasks:
        an_empty_store_has_demo_tasks_once
        a_task_is_there_as_it_was_created_after_a_reopening
        a_change_is_made_once_and_told
        a_task_that_has_changed_is_neither_changed_nor_deleted_by_its_old_etag
        of_changes_that_expect_the_same_version_one_is_made
        what_is_not_there_is_neither_changed_nor_deleted
        the_id_of_a_deleted_task_never_comes_back
        of_more_writes_than_can_wait_some_are_turned_away_and_the_others_stored
        a_store_that_is_one_processes_alone_is_not_opened_a_second_time;
    lists:
        pages_of_a_list_hold_each_task_once_in_order
        a_list_is_of_a_user_a_status_or_both
        a_page_of_long_tasks_ends_before_it_is_too_long_for_a_message;
    keys:
        a_task_that_is_created_again_with_its_key_is_the_same
        the_key_of_a_deleted_task_makes_no_other
        tasks_of_one_key_that_come_at_one_time_are_one
        a_key_is_known_for_a_day
        of_more_keys_than_are_kept_the_oldest_go;
    outbox:
        a_completed_task_waits_in_the_outbox_as_it_was_until_it_is_removed
        a_task_that_is_completed_again_waits_again_behind_the_first
        what_does_not_complete_a_task_adds_nothing_to_the_outbox
        a_task_that_is_completed_by_many_at_one_time_waits_once
        where_as_many_wait_as_may_no_task_is_completed
        whoever_waits_for_completed_tasks_is_told;
}
