//! The protocol that the Vote CRDT is specified by, case by case.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod exchange;

use exchange::{Exchange, user};
use muster_presence::replica::What;

#[test]
fn a_fresh_vote_is_no_for_nobody_of_one_voter() {
    let mut alone = Exchange::of(1);
    assert_eq!(alone.seen(0, &user("Albert")), (false, 0, 1));
    assert!(!alone.replica(0).vote(&user("Albert")).at_least_one());
}

#[test]
fn a_vote_that_is_the_same_again_is_no_delta() {
    let (mut two, albert) = (Exchange::of(2), user("Albert"));
    for (yes, deltas) in [(true, 1), (true, 0), (false, 1), (false, 0)] {
        two.said.clear();
        two.vote(0, &albert, yes);
        assert_eq!(two.said.len(), deltas, "{yes}: {:?}", two.said);
        assert_eq!(two.seen(0, &albert), (yes, yes.into(), 2));
        assert_eq!(two.seen(1, &albert), (false, yes.into(), 2));
    }
}

#[test]
fn an_initial_delta_counts_the_own_vote_and_those_of_others() {
    let (mut three, albert) = (Exchange::of(3), user("Albert"));
    three.vote(0, &albert, true);
    three.vote(1, &albert, true);
    assert_eq!(three.seen(0, &albert), (true, 2, 3));
    three.vote(0, &albert, false);
    assert_eq!(three.seen(0, &albert), (false, 1, 3));
    assert_eq!(three.seen(1, &albert), (true, 1, 3));
}

#[test]
fn a_newcomer_begins_with_the_votes_of_others_and_adds_its_own() {
    let (mut five, albert) = (Exchange::of(4), user("Albert"));
    (0..3).for_each(|n| five.vote(n, &albert, true));
    five.join();
    assert_eq!(five.seen(4, &albert), (false, 3, 5));
    five.vote(4, &albert, true);
    assert_eq!(five.seen(4, &albert), (true, 4, 5));
    assert_eq!(five.seen(3, &albert), (false, 4, 5));
}

#[test]
fn votes_of_others_and_own_ones_mix_while_voters_come_and_go() {
    let (mut seven, albert) = (Exchange::of(7), user("Albert"));
    (1..6).for_each(|n| seven.vote(n, &albert, true));
    assert_eq!(seven.seen(0, &albert), (false, 5, 7));
    seven.kill(5);
    assert_eq!(seven.seen(0, &albert), (false, 4, 6));
    seven.vote(0, &albert, true);
    assert_eq!(seven.seen(0, &albert), (true, 5, 6));
    seven.vote(1, &albert, false);
    seven.vote(2, &albert, false);
    assert_eq!(seven.seen(0, &albert), (true, 3, 6));
    seven.vote(0, &albert, false);
    assert_eq!(seven.seen(6, &albert), (false, 2, 6));
}

#[test]
fn a_vote_that_is_withdrawn_leaves_nothing_of_the_user_anywhere() {
    let (mut two, albert) = (Exchange::of(2), user("Albert"));
    two.vote(0, &albert, true);
    two.vote(0, &albert, false);
    for n in 0..2 {
        let replica = two.replica(n);
        let changes = replica.take_changes();
        let told: Vec<What> = changes.iter().map(|change| change.what).collect();
        assert_eq!(told, [What::Online, What::Offline]);
        replica.release(changes[1].user);
        assert_eq!((replica.id(&albert), replica.online_count()), (None, 0));
        assert_eq!(two.seen(n, &albert), (false, 0, 2));
    }
}

#[test]
fn a_voter_that_goes_takes_its_votes_and_itself_out_of_the_count() {
    let (mut three, albert) = (Exchange::of(3), user("Albert"));
    three.vote(0, &albert, true);
    three.kill(0);
    for n in 1..3 {
        assert_eq!(three.seen(n, &albert), (false, 0, 2));
        let changes = three.replica(n).take_changes();
        let told: Vec<What> = changes.iter().map(|change| change.what).collect();
        assert_eq!(told, [What::Online, What::Offline]);
    }
}

#[test]
fn a_voter_that_restarts_knows_the_votes_of_others_and_has_none_of_its_own() {
    let (mut three, albert) = (Exchange::of(3), user("Albert"));
    three.vote(0, &albert, true);
    three.vote(1, &albert, true);
    three.kill(0);
    three.start(0);
    assert_eq!(three.seen(0, &albert), (false, 1, 3));
    assert_eq!(three.seen(1, &albert), (true, 1, 3));
    three.vote(0, &albert, true);
    assert_eq!(three.seen(2, &albert), (false, 2, 3));
}
