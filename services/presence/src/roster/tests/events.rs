//! Readers of events.

use std::time::Duration;

use super::super::events::Told;
use super::*;

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let in_time = async { tokio::time::timeout(Duration::from_secs(20), work).await };
    runtime
        .enable_time()
        .build()
        .unwrap()
        .block_on(in_time)
        .unwrap()
}

#[test]
fn who_falls_behind_begins_anew() {
    block_on(async {
        let roster = roster();
        let mut events = roster.events(None);
        let Told::Reset(users, Some(_)) = events.next().await else {
            panic!("expected a reset");
        };
        assert_eq!(users, []);
        let _berta = roster.connect(&user("Berta")).unwrap();
        for _ in 0..CHANGES_KEPT {
            drop(roster.connect(&user("Albert")).unwrap());
        }
        let Told::Reset(users, Some(cursor)) = events.next().await else {
            panic!("expected a reset");
        };
        assert_eq!(users, [user("Berta")]);
        assert_eq!(
            roster.own_position(&cursor),
            Some(2 * CHANGES_KEPT as u64 + 1)
        );
    });
}

#[test]
fn where_only_devices_change_a_reader_hears_of_its_place() {
    block_on(async {
        let roster = roster();
        let gateway = roster.session();
        let mut events = roster.events(None);
        assert!(matches!(events.next().await, Told::Reset(_, Some(_))));
        for number in 0..12_000 {
            let status = number.to_string();
            let arrival = arrival("Albert", device("phone", &status), 0);
            assert_eq!(gateway.connect(vec![arrival]), [Ok(())]);
        }
        let Told::Events(first, _) = events.next().await else {
            panic!("expected events");
        };
        assert_eq!(first.len(), 1);
        let Told::Events(none, cursor) = events.next().await else {
            panic!("expected a place");
        };
        assert_eq!(none, []);
        assert!(roster.own_position(&cursor).unwrap() >= 10_000);
    });
}
