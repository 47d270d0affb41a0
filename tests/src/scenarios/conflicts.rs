//! What overlaps in a calendar.

use serde_json::Value;

use crate::{Suite, call, root};

/// # Panics
/// When they are not.
pub async fn the_conflicts_of_a_real_calendar_are_found(suite: &impl Suite) {
    let addr = suite.addr_of("conflicts");
    let path = root().join("services/conflicts/tests/calendar.json");
    let calendar: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let events = calendar["events"].as_array().unwrap();
    assert!(events.len() >= 20);
    let found = call(&addr, "Scheduling.ConflictService/GetConflicts", &calendar).await;
    let groups = found["conflicts"].as_array().unwrap();
    let expected: [&[&str]; 7] = [
        &["mon-planning", "mon-dentist", "mon-interview"],
        &["tue-review", "tue-board", "tue-call"],
        &["thu-onsite", "thu-coffee", "thu-deadline"],
        &["thu-yoga", "thu-reminder"],
        &["fri-retro-a", "fri-retro-b"],
        // By a nanosecond.
        &["fri-maintenance", "fri-backup"],
        &["sun-party", "sun-flight"],
    ];
    assert_eq!(ids(groups), expected);
    let touching = events
        .iter()
        .any(|one| events.iter().any(|two| one["end"] == two["start"]));
    assert!(touching, "some only touch");
}

/// The ids of each group.
fn ids(groups: &[Value]) -> Vec<Vec<String>> {
    let id = |event: &Value| event["id"].as_str().unwrap().to_owned();
    groups
        .iter()
        .map(|group| {
            group["conflictGroup"]
                .as_array()
                .unwrap()
                .iter()
                .map(id)
                .collect()
        })
        .collect()
}
