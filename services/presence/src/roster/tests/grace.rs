//! How long users stay whose connections have gone.

use super::*;

/// The session that is open.
const ONE: SessionId = SessionId::of(0);

/// A state with a session.
fn state() -> State {
    let mut state = State::new(me(), RosterLimits::default());
    assert_eq!(state.open_session().0, ONE);
    state
}

fn arrive(state: &mut State, device: Device, grace_ms: u32, now: u64) {
    let arrival = arrival("Albert", device, grace_ms);
    state.arrive(ONE, arrival, at(now)).unwrap();
    state.settle();
}

fn depart(state: &mut State, device: &str, at_once: bool, now: u64) {
    state.depart(ONE, &departure("Albert", device, at_once), at(now));
    state.settle();
}

fn end_session(state: &mut State, now: u64) {
    let mut ending = state.end_session(ONE).unwrap();
    while state.go_on_ending(&mut ending, 1, at(now)) {}
    state.settle();
}

fn is_online(state: &mut State, now: u64) -> bool {
    state.tick(at(now));
    state.settle();
    state.presence(&user("Albert")).online
}

fn ballot(state: &State) -> Option<Ballot> {
    let albert = state.replica.id(&user("Albert"))?;
    state.replica.own_ballot(albert)
}

#[test]
fn without_a_grace_a_user_goes_at_once() {
    let mut state = state();
    arrive(&mut state, Device::default(), 0, 10);
    assert!(is_online(&mut state, 20));
    depart(&mut state, "", false, 30);
    assert!(!is_online(&mut state, 30));
    assert_eq!(state.replica.id(&user("Albert")), None);
}

#[test]
fn within_the_grace_a_user_stays_and_others_are_told_that_it_runs() {
    let mut state = state();
    arrive(&mut state, device("phone", "busy"), 500, 10);
    depart(&mut state, "phone", false, 100);
    let leaving = Ballot {
        grace_ms: 500,
        is_leaving: true,
        devices: None,
    };
    assert_eq!(ballot(&state), Some(leaving));
    assert!(is_online(&mut state, 599));
    assert!(!is_online(&mut state, 600));
    let last_seen = state.presence(&user("Albert")).last_seen_unix_ms;
    assert_eq!(last_seen, Some(at(600).unix_ms));
}

#[test]
fn who_means_to_go_goes_at_once() {
    let mut state = state();
    arrive(&mut state, Device::default(), 500, 10);
    arrive(&mut state, device("phone", ""), 900, 10);
    depart(&mut state, "phone", false, 20);
    depart(&mut state, "", true, 30);
    assert!(
        !is_online(&mut state, 30),
        "the phone's grace is over as well"
    );
}

#[test]
fn who_comes_back_has_no_grace_to_lose() {
    let mut state = state();
    arrive(&mut state, Device::default(), 500, 10);
    depart(&mut state, "", false, 100);
    arrive(&mut state, Device::default(), 0, 200);
    assert_eq!(ballot(&state), Some(Ballot::default()));
    assert!(is_online(&mut state, 700));
    depart(&mut state, "", false, 800);
    assert!(!is_online(&mut state, 800));
}

#[test]
fn a_grace_that_runs_outlives_a_device_without_one() {
    let mut state = state();
    arrive(&mut state, device("phone", ""), 500, 10);
    arrive(&mut state, Device::default(), 0, 10);
    depart(&mut state, "phone", false, 100);
    depart(&mut state, "", false, 200);
    assert_eq!(ballot(&state).unwrap().grace_ms, 400, "what is left of it");
    assert!(is_online(&mut state, 599));
    assert!(!is_online(&mut state, 600));
}

#[test]
fn the_end_of_a_session_is_that_of_its_devices_in_whatever_order() {
    let mut state = state();
    arrive(&mut state, Device::default(), 0, 10);
    arrive(&mut state, device("phone", ""), 500, 10);
    arrive(&mut state, device("laptop", ""), 300, 10);
    end_session(&mut state, 100);
    assert!(is_online(&mut state, 599));
    assert!(!is_online(&mut state, 600));
    assert!(state.locals.is_empty() && state.sessions.is_empty());
}

#[test]
fn a_device_that_arrives_again_has_changed_and_is_no_second_one() {
    let mut state = state();
    arrive(&mut state, Device::default(), 0, 10);
    arrive(&mut state, device("", "busy"), 700, 20);
    let changed = ballot(&state).unwrap();
    assert_eq!(changed.grace_ms, 700);
    assert_eq!(changed.devices.unwrap().to_vec(), [device("", "busy")]);
    arrive(&mut state, Device::default(), 5, 30);
    assert_eq!(ballot(&state).unwrap().devices, None);
    assert!(state.locals.is_empty(), "the vote says all");
    depart(&mut state, "", true, 40);
    assert!(!is_online(&mut state, 40));
}

#[test]
fn two_sessions_of_a_user_count_as_one_vote() {
    let mut state = state();
    let (two, _) = state.open_session();
    arrive(&mut state, Device::default(), 100, 10);
    state
        .arrive(two, arrival("Albert", Device::default(), 900), at(20))
        .unwrap();
    assert_eq!(ballot(&state).unwrap().grace_ms, 900);
    end_session(&mut state, 30);
    assert_eq!(ballot(&state).unwrap().grace_ms, 900);
    state.depart(two, &departure("Albert", "", true), at(40));
    assert!(!is_online(&mut state, 40));
}
