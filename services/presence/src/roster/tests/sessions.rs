//! Sessions, and whom they watch.

use super::*;

fn session(roster: &Arc<Roster>) -> Session {
    roster.session()
}

fn users(names: &[&str]) -> Vec<User> {
    names.iter().map(|name| user(name)).collect()
}

/// Who is told, and whether they are online.
fn told(part: &Part) -> Vec<(&str, bool)> {
    let tell = |presence: &'_ Presence| presence.online;
    part.users
        .iter()
        .map(|presence| (presence.user.as_str(), tell(presence)))
        .collect()
}

/// Watches these users, and takes the snapshot, which fits in one part.
fn watch(session: &Session, cursor: Option<Cursor>, names: &[&str]) -> Part {
    let mut watching = session.begin_watch(cursor, false);
    assert!(
        session
            .watch(&mut watching, &users(names))
            .iter()
            .all(Result::is_ok)
    );
    let part = session.snapshot(&mut watching).unwrap();
    assert!(part.is_last);
    part
}

fn connect(session: &Session, name: &str, device: Device) {
    assert_eq!(session.connect(vec![arrival(name, device, 0)]), [Ok(())]);
}

#[test]
fn of_the_newly_watched_all_is_told_and_then_changes() {
    let roster = roster();
    let (gateway, watcher) = (session(&roster), session(&roster));
    connect(&gateway, "Albert", Device::default());
    let snapshot = watch(&watcher, None, &["Albert", "Berta"]);
    assert_eq!(told(&snapshot), [("Albert", true), ("Berta", false)]);
    assert_eq!(watcher.changes(), None);

    connect(&gateway, "Berta", device("phone", "busy"));
    gateway.disconnect(&[departure("Albert", "", false)]);
    let changes = watcher.changes().unwrap();
    assert_eq!(told(&changes), [("Berta", true), ("Albert", false)]);
    assert_eq!(changes.users[0].devices, [device("phone", "busy")]);
    assert!(changes.users[1].last_seen_unix_ms.is_some());
    assert_eq!(watcher.changes(), None);
}

#[test]
fn what_cancels_out_is_not_told_and_other_devices_are() {
    let roster = roster();
    let (gateway, watcher) = (session(&roster), session(&roster));
    watch(&watcher, None, &["Albert"]);
    connect(&gateway, "Albert", Device::default());
    gateway.disconnect(&[departure("Albert", "", false)]);
    assert_eq!(watcher.changes(), None);
    connect(&gateway, "Albert", device("phone", ""));
    assert_eq!(told(&watcher.changes().unwrap()), [("Albert", true)]);
    connect(&gateway, "Albert", device("phone", "busy"));
    let changes = watcher.changes().unwrap();
    assert_eq!(changes.users[0].devices, [device("phone", "busy")]);
}

#[test]
fn versions_grow() {
    let roster = roster();
    let (gateway, watcher) = (session(&roster), session(&roster));
    let mut version = watch(&watcher, None, &["Albert"]).users[0].version;
    for status in ["one", "two", "three"] {
        connect(&gateway, "Albert", device("phone", status));
        let next = watcher.changes().unwrap().users[0].version;
        assert!(next > version);
        version = next;
    }
}

#[test]
fn who_is_not_watched_any_more_is_not_told() {
    let roster = roster();
    let (gateway, watcher) = (session(&roster), session(&roster));
    watch(&watcher, None, &["Albert", "Berta"]);
    connect(&gateway, "Albert", Device::default());
    watcher.unwatch(&users(&["Albert"]));
    connect(&gateway, "Berta", Device::default());
    assert_eq!(told(&watcher.changes().unwrap()), [("Berta", true)]);
}

#[test]
fn a_set_is_replaced_by_another_one() {
    let roster = roster();
    let (gateway, watcher) = (session(&roster), session(&roster));
    watch(&watcher, None, &["Albert", "Berta"]);
    let mut watching = watcher.begin_watch(None, true);
    let _taken = watcher.watch(&mut watching, &users(&["Berta", "Carl"]));
    while watcher.forget_replaced() {}
    let snapshot = watcher.snapshot(&mut watching).unwrap();
    assert_eq!(told(&snapshot), [("Berta", false), ("Carl", false)]);
    for name in ["Albert", "Berta", "Carl"] {
        connect(&gateway, name, Device::default());
    }
    let changes = watcher.changes().unwrap();
    assert_eq!(told(&changes), [("Berta", true), ("Carl", true)]);
}

#[test]
fn behind_a_cursor_only_those_are_told_who_changed() {
    let roster = roster();
    let gateway = session(&roster);
    connect(&gateway, "Albert", Device::default());
    let cursor = watch(&session(&roster), None, &["Albert", "Berta", "Carl"]).cursor;
    connect(&gateway, "Berta", Device::default());

    let watcher = session(&roster);
    let resumed = watch(&watcher, Some(cursor), &["Albert", "Berta", "Carl"]);
    assert_eq!(told(&resumed), [("Berta", true)]);
    gateway.disconnect(&[departure("Albert", "", false)]);
    connect(&gateway, "Carl", Device::default());
    let changes = watcher.changes().unwrap();
    assert_eq!(told(&changes), [("Albert", false), ("Carl", true)]);
}

#[test]
fn a_change_that_is_not_told_yet_lies_behind_the_cursor() {
    let roster = roster();
    let (gateway, watcher) = (session(&roster), session(&roster));
    watch(&watcher, None, &["Albert", "Berta"]);
    connect(&gateway, "Albert", Device::default());
    let cursor = watch(&watcher, None, &["Berta"]).cursor;
    let resumed = watch(&session(&roster), Some(cursor), &["Albert", "Berta"]);
    assert_eq!(told(&resumed), [("Albert", true)]);
}

#[test]
fn a_cursor_of_another_life_is_passed_over() {
    let roster = roster();
    let other = Roster::new(
        Origin {
            incarnation: 2,
            ..me()
        },
        RosterLimits::default(),
    );
    let cursor = watch(&session(&other), None, &["Albert"]).cursor;
    let watching = session(&roster).begin_watch(Some(cursor), false);
    assert!(!watching.is_resumed());
}

#[test]
fn a_cursor_is_no_good_once_what_came_since_is_not_kept() {
    let roster = roster();
    let (gateway, watcher) = (session(&roster), session(&roster));
    let cursor = watch(&watcher, None, &["Albert"]).cursor;
    let mut watching = watcher.begin_watch(Some(cursor.clone()), false);
    assert!(watching.is_resumed());
    for number in 0..=CHANGES_KEPT {
        connect(&gateway, "Berta", device("phone", &number.to_string()));
    }
    assert!(!watcher.begin_watch(Some(cursor), false).is_resumed());
    // It was lost on the way: nobody is taken to be as they were.
    let _taken = watcher.watch(&mut watching, &users(&["Albert"]));
    let snapshot = watcher.snapshot(&mut watching).unwrap();
    assert_eq!(told(&snapshot), [("Albert", false)]);
}

#[test]
fn a_large_set_is_told_in_parts() {
    let roster = roster();
    let watcher = session(&roster);
    let names: Vec<_> = (0..2500).map(|number| format!("user-{number}")).collect();
    let users: Vec<_> = names.iter().map(|name| user(name)).collect();
    let mut watching = watcher.begin_watch(None, false);
    let _taken = watcher.watch(&mut watching, &users);
    let mut parts = Vec::new();
    loop {
        let part = watcher.snapshot(&mut watching).unwrap();
        parts.push(part.users.len());
        if part.is_last {
            break;
        }
    }
    assert_eq!(parts, [1000, 1000, 500]);
}

#[test]
fn a_session_watches_so_many_and_no_more() {
    let limits = RosterLimits {
        watched_per_session: 2,
        ..RosterLimits::default()
    };
    let roster = Roster::new(me(), limits);
    let watcher = session(&roster);
    let mut watching = watcher.begin_watch(None, false);
    let names = users(&["Albert", "Berta", "Carl", "Albert"]);
    let full = Err(Error::TooManyWatched { max: 2 });
    let taken = watcher.watch(&mut watching, &names);
    assert_eq!(taken, [Ok(()), Ok(()), full, Ok(())]);
    watcher.unwatch(&users(&["Albert"]));
    assert_eq!(watcher.watch(&mut watching, &users(&["Carl"])), [Ok(())]);
}

#[test]
fn what_a_session_leaves_behind_is_nothing() {
    let roster = roster();
    let watcher = session(&roster);
    let names: Vec<_> = (0..3000)
        .map(|number| user(&format!("user-{number}")))
        .collect();
    let mut watching = watcher.begin_watch(None, false);
    let _taken = watcher.watch(&mut watching, &names);
    for name in &names {
        connect(&watcher, name.as_str(), device("phone", ""));
        connect(&watcher, name.as_str(), Device::default());
    }
    // Half of them were about to be replaced.
    let mut watching = watcher.begin_watch(None, true);
    let _taken = watcher.watch(&mut watching, &names[..1500]);
    drop(watcher);
    let state = roster.state.lock().unwrap();
    assert!(names.iter().all(|name| state.replica.id(name).is_none()));
    assert!(state.locals.is_empty() && state.sessions.is_empty());
    assert_eq!(state.replica.online_count(), 0);
}

#[test]
fn pages_list_each_user_who_is_online_once() {
    let roster = roster();
    let gateway = session(&roster);
    for number in 0..250 {
        connect(&gateway, &format!("user-{number}"), Device::default());
    }
    let (mut listed, mut after) = (std::collections::BTreeSet::new(), None);
    loop {
        let (users, next) = roster.online(after, 100);
        listed.extend(users.into_iter().map(|presence| presence.user));
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed.len(), 250);
}
