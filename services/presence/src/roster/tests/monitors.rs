//! Connections without a word, and monitors.

use std::task::{Context, Poll, Waker};

use super::*;

/// What a monitor would be told right now.
fn news(monitor: &mut Monitor) -> Option<bool> {
    match monitor.poll_next(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(online) => Some(online),
        Poll::Pending => None,
    }
}

fn connect(roster: &Arc<Roster>, name: &str) -> Connection {
    roster.connect(&user(name)).unwrap()
}

#[test]
fn a_monitor_is_told_the_present_value_and_then_each_change() {
    let roster = roster();
    let mut before = roster.monitor(&user("Albert"));
    assert_eq!((news(&mut before), news(&mut before)), (Some(false), None));
    let connection = connect(&roster, "Albert");
    assert_eq!((news(&mut before), news(&mut before)), (Some(true), None));
    let mut after = roster.monitor(&user("Albert"));
    assert_eq!((news(&mut after), news(&mut after)), (Some(true), None));
    drop(connection);
    assert_eq!(
        (news(&mut before), news(&mut after)),
        (Some(false), Some(false))
    );
}

#[test]
fn a_second_device_is_silent_and_the_last_to_leave_counts() {
    let roster = roster();
    let mut monitor = roster.monitor(&user("Albert"));
    let phone = connect(&roster, "Albert");
    assert_eq!((news(&mut monitor), news(&mut monitor)), (Some(true), None));
    let seq = || roster.replicas()[0].seq;
    let voted_once = seq();
    let laptop = connect(&roster, "Albert");
    drop(phone);
    assert_eq!(news(&mut monitor), None);
    assert_eq!(seq(), voted_once, "other replicas need not know");
    drop(laptop);
    assert_eq!(news(&mut monitor), Some(false));
}

#[test]
fn users_do_not_mix() {
    let roster = roster();
    let _connection = connect(&roster, "Albert");
    assert_eq!(news(&mut roster.monitor(&user("albert"))), Some(false));
    assert_eq!(news(&mut roster.monitor(&user("Albert"))), Some(true));
}

#[test]
fn a_slow_monitor_is_told_the_latest_value_and_never_the_same_twice() {
    let roster = roster();
    let mut monitor = roster.monitor(&user("Albert"));
    assert_eq!(news(&mut monitor), Some(false));
    for _ in 0..1000 {
        drop(connect(&roster, "Albert"));
    }
    assert_eq!(news(&mut monitor), None, "offline again, as it was told");
    let _connection = connect(&roster, "Albert");
    assert_eq!((news(&mut monitor), news(&mut monitor)), (Some(true), None));
}

#[test]
fn a_waiting_monitor_is_woken() {
    let roster = roster();
    let (mut monitor, albert) = (roster.monitor(&user("Albert")), user("Albert"));
    assert_eq!(news(&mut monitor), Some(false));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .build();
    let runtime = runtime.unwrap();
    let told = runtime.spawn(async move { monitor.next().await });
    let connection = roster.connect(&albert).unwrap();
    assert!(runtime.block_on(told).unwrap());
    drop(connection);
}

#[test]
fn nothing_is_kept_of_whom_nobody_needs() {
    let roster = roster();
    for round in 0..100 {
        let name = format!("user-{round}");
        let monitors = [(); 2].map(|()| roster.monitor(&user(&name)));
        let connections = [(); 2].map(|()| connect(&roster, &name));
        drop((connections, monitors));
    }
    let state = roster.state.lock().unwrap();
    assert!(state.locals.is_empty());
    for round in 0..100 {
        assert_eq!(state.replica.id(&user(&format!("user-{round}"))), None);
    }
    assert_eq!(state.replica.online_count(), 0);
}

#[test]
fn a_user_has_so_many_connections_and_no_more() {
    let limits = RosterLimits {
        connections_per_user: 2,
        ..RosterLimits::default()
    };
    let roster = Roster::new(me(), limits);
    let phone = connect(&roster, "Albert");
    let _laptop = connect(&roster, "Albert");
    let refused = roster.connect(&user("Albert")).map(drop);
    assert_eq!(refused, Err(Error::TooManyConnections { max: 2 }));
    let _berta = connect(&roster, "Berta");
    drop(phone);
    let _tablet = connect(&roster, "Albert");
}

#[test]
fn after_a_leave_votes_stay_as_they_are_and_nobody_comes() {
    let roster = roster();
    let connection = connect(&roster, "Albert");
    let mut monitor = roster.monitor(&user("Albert"));
    assert_eq!(news(&mut monitor), Some(true));
    roster.leave();
    drop(connection);
    assert_eq!(news(&mut monitor), None);
    let refused = roster.connect(&user("Berta")).map(drop);
    assert_eq!(refused, Err(Error::Stopping));
}

#[test]
fn after_any_number_of_threads_the_roster_is_empty_and_true() {
    let roster = roster();
    let mut monitor = roster.monitor(&user("Albert"));
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                for _ in 0..1000 {
                    let _connection = connect(&roster, "Albert");
                    let _monitor = roster.monitor(&user("Albert"));
                }
            });
        }
    });
    assert_eq!(news(&mut monitor), Some(false));
    let state = roster.state.lock().unwrap();
    assert_eq!((state.monitors, state.locals.len()), (1, 0));
}
