//! The laws of the merge, against Cloudstate's own form: a counter for each replica, life and
//! user, which is a yes while it is odd.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const REPLICAS: usize = 3;
const LIVES: usize = 2;
const USERS: usize = 4;

/// What each replica did in each of its lives: the users about whom it changed its mind.
#[derive(Debug, Clone)]
struct History(Vec<Vec<Vec<usize>>>);

/// A state that a replica had: its life, and how many deltas of it.
type Version = (usize, usize);
/// What is known of each replica.
type Known = [Option<Version>; REPLICAS];

/// What can arrive from a replica, in any order and any number of times.
#[derive(Debug, Clone, Copy)]
enum Message {
    Delta {
        replica: usize,
        life: usize,
        seq: usize,
    },
    Snapshot {
        replica: usize,
        life: usize,
        seq: usize,
    },
}

impl History {
    fn counter(&self, replica: usize, (life, seq): Version, user: usize) -> usize {
        self.0[replica][life][..seq]
            .iter()
            .filter(|of| **of == user)
            .count()
    }

    fn delta(&self, replica: usize, life: usize, seq: usize) -> Delta {
        let user = self.0[replica][life][seq - 1];
        let yes = self.counter(replica, (life, seq), user) % 2 == 1;
        Delta {
            origin: origin(replica, life),
            seq: seq as u64,
            user: named(user),
            yes,
        }
    }

    fn snapshot(&self, replica: usize, version: Version) -> Snapshot {
        let odd = |user: &usize| self.counter(replica, version, *user) % 2 == 1;
        let users = (0..USERS).filter(odd).map(named).collect();
        Snapshot {
            origin: origin(replica, version.0),
            seq: version.1 as u64,
            users,
        }
    }

    /// The votes of who knows this much.
    fn votes(&self, known: Known) -> Votes {
        let mut votes = Votes::default();
        for (replica, version) in known.into_iter().enumerate() {
            version.map(|version| votes.merge(self.snapshot(replica, version)));
        }
        votes
    }

    /// Who is online for who knows this much: at least one odd counter.
    fn online(&self, known: Known) -> Vec<bool> {
        let odd = |user, (replica, version): (usize, Option<Version>)| {
            version.is_some_and(|version| self.counter(replica, version, user) % 2 == 1)
        };
        let any = |user| known.into_iter().enumerate().any(|of| odd(user, of));
        (0..USERS).map(any).collect()
    }
}

fn origin(replica: usize, life: usize) -> Origin {
    Origin {
        replica: format!("replica-{replica}").into(),
        incarnation: life as u64,
    }
}

fn named(user: usize) -> User {
    User::parse(&format!("user-{user}")).unwrap()
}

fn online(votes: &Votes) -> Vec<bool> {
    (0..USERS).map(|user| votes.online(&named(user))).collect()
}

fn joined(mut into: Votes, other: &Votes) -> Votes {
    other
        .snapshots()
        .for_each(|snapshot| drop(into.merge(snapshot)));
    into
}

fn history() -> impl Strategy<Value = History> {
    vec(vec(vec(0..USERS, 0..8), LIVES), REPLICAS).prop_map(History)
}

fn known(history: &History) -> impl Strategy<Value = Known> + use<> {
    let of = |replica: usize| {
        let lengths: Vec<_> = history.0[replica].iter().map(Vec::len).collect();
        let version = (0..LIVES).prop_flat_map(move |life| (Just(life), 0..=lengths[life]));
        proptest::option::weighted(0.8, version)
    };
    [of(0), of(1), of(2)]
}

fn message(history: &History) -> impl Strategy<Value = Message> + use<> {
    let lengths: Vec<Vec<_>> = history
        .0
        .iter()
        .map(|r| r.iter().map(Vec::len).collect())
        .collect();
    let seq = move |(replica, life): (usize, usize)| {
        let last = lengths[replica][life];
        (
            Just(replica),
            Just(life),
            0..=last,
            prop::bool::weighted(0.2),
        )
    };
    (0..REPLICAS, 0..LIVES)
        .prop_flat_map(seq)
        .prop_map(|(replica, life, seq, whole)| match whole || seq == 0 {
            true => Message::Snapshot { replica, life, seq },
            false => Message::Delta { replica, life, seq },
        })
}

fn three_of_one_history() -> impl Strategy<Value = [Votes; 3]> {
    let of = |history: History| {
        let known = [known(&history), known(&history), known(&history)];
        known.prop_map(move |known| known.map(|known| history.votes(known)))
    };
    history().prop_flat_map(of)
}

/// What is known after a message: the later version, and of deltas only the next one.
fn after(mut known: Known, message: Message) -> Known {
    let (replica, version) = match message {
        Message::Snapshot { replica, life, seq } => (replica, (life, seq)),
        Message::Delta { replica, life, seq } => {
            let next = known[replica].max(Some((life, 0))) == Some((life, seq - 1));
            (replica, (life, if next { seq } else { 0 }))
        }
    };
    known[replica] = known[replica].max(Some(version));
    known
}

fn deliver(history: &History, votes: &mut Votes, message: Message) -> Vec<Change> {
    match message {
        Message::Delta { replica, life, seq } => {
            votes.apply(&history.delta(replica, life, seq)).changes
        }
        Message::Snapshot { replica, life, seq } => {
            votes.merge(history.snapshot(replica, (life, seq)))
        }
    }
}

proptest! {
    #[test]
    fn merging_is_idempotent_commutative_and_associative([a, b, c] in three_of_one_history()) {
        prop_assert_eq!(&joined(a.clone(), &a), &a);
        prop_assert_eq!(joined(a.clone(), &b), joined(b.clone(), &a));
        let left = joined(joined(a.clone(), &b), &c);
        prop_assert_eq!(left, joined(a, &joined(b, &c)));
    }

    #[test]
    fn whatever_arrives_in_whatever_order_the_votes_are_the_odd_counters(
        (history, messages) in history()
            .prop_flat_map(|h| { let m = vec(message(&h), 0..60); (Just(h), m) })
    ) {
        let (mut votes, mut known) = (Votes::default(), Known::default());
        for message in messages {
            let before = online(&votes);
            let changes = deliver(&history, &mut votes, message);
            known = after(known, message);
            let now = history.online(known);
            prop_assert_eq!(online(&votes), now.clone());
            prop_assert_eq!(&votes, &history.votes(known));

            let mut told: Vec<_> = changes.into_iter().map(|c| (c.user, c.online)).collect();
            told.sort();
            let changed = (0..USERS).filter(|user| before[*user] != now[*user]);
            let changed: Vec<_> = changed.map(|user| (named(user), now[user])).collect();
            prop_assert_eq!(told, changed);
        }
    }

    #[test]
    fn deltas_in_order_are_the_snapshot(history in history(), twice in any::<bool>()) {
        for (replica, lives) in history.0.iter().enumerate() {
            let mut votes = Votes::default();
            for seq in 1..=lives[0].len() {
                let delta = history.delta(replica, 0, seq);
                prop_assert!(!votes.apply(&delta).gap);
                if twice {
                    prop_assert_eq!(votes.apply(&delta), Applied::default());
                }
                let snapshot = history.snapshot(replica, (0, seq));
                prop_assert_eq!(votes.snapshots().collect::<Vec<_>>(), vec![snapshot]);
            }
        }
    }

    #[test]
    fn a_ballot_is_the_next_delta_and_none_without_a_change_of_mind(
        wishes in vec((0..USERS, any::<bool>()), 0..40)
    ) {
        let (mut votes, me) = (Votes::default(), origin(0, 1));
        let mut wanted = [false; USERS];
        for (user, yes) in wishes {
            let ballot = votes.ballot(&me, &named(user), yes);
            prop_assert_eq!(ballot.is_some(), wanted[user] != yes);
            if let Some(delta) = ballot {
                let change = Change { user: named(user), online: yes };
                let applied = votes.apply(&delta);
                prop_assert_eq!(applied, Applied { changes: vec![change], gap: false });
            }
            wanted[user] = yes;
            prop_assert_eq!(online(&votes), wanted.to_vec());
        }
    }
}

#[test]
fn a_delta_after_a_gap_asks_for_a_snapshot_and_changes_nothing() {
    let albert = named(0);
    let delta = |seq| Delta {
        origin: origin(0, 1),
        seq,
        user: albert.clone(),
        yes: true,
    };
    let mut votes = Votes::default();
    assert_eq!(
        votes.apply(&delta(2)),
        Applied {
            changes: vec![],
            gap: true
        }
    );
    assert!(!votes.online(&albert));
    assert!(!votes.apply(&delta(1)).gap);
    assert!(votes.online(&albert));
    assert!(votes.apply(&delta(u64::MAX)).gap);
}

#[test]
fn a_new_incarnation_takes_the_votes_of_the_older_with_it() {
    let users = |of: &[usize]| of.iter().copied().map(named).collect();
    let mut votes = Votes::default();
    votes.merge(Snapshot {
        origin: origin(0, 1),
        seq: 7,
        users: users(&[0, 1]),
    });
    votes.merge(Snapshot {
        origin: origin(1, 1),
        seq: 1,
        users: users(&[1]),
    });
    let late = Delta {
        origin: origin(0, 2),
        seq: 5,
        user: named(2),
        yes: true,
    };
    let gone = Change {
        user: named(0),
        online: false,
    };
    assert_eq!(
        votes.apply(&late),
        Applied {
            changes: vec![gone],
            gap: true
        }
    );
    assert!(votes.online(&named(1)), "the other replica still votes");
    let ghost = Delta {
        origin: origin(0, 1),
        seq: 8,
        user: named(0),
        yes: true,
    };
    assert_eq!(votes.apply(&ghost), Applied::default());
}

#[test]
fn a_user_without_votes_leaves_no_trace() {
    let (mut votes, me) = (Votes::default(), origin(0, 1));
    for yes in [true, false] {
        let delta = votes.ballot(&me, &named(0), yes).unwrap();
        votes.apply(&delta);
    }
    assert!(votes.counts.is_empty());
    assert!(votes.ballots.values().all(|ballot| ballot.users.is_empty()));
}
