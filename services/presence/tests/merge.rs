//! Whatever comes of an origin's votes, in whatever order and however often: the state is one that the origin had, and
//! once what is missing has been repaired, the one that it has.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use muster_presence::ballot::{Ballot, Device};
use muster_presence::message::{From, Hello, Message, Want};
use muster_presence::origin::Origin;
use muster_presence::replica::{LinkId, Now, Peer, Replica, TICK_MS};
use muster_presence::user::User;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

const USERS: usize = 4;
/// Longer than anything that was missed stays so.
const REPAIR_MS: u64 = 3_000;
/// What marks the state of an origin: its digest, and who is online by it.
type State = (u64, BTreeSet<usize>);

/// Something that an origin does, after which it may be asked for all its votes again.
#[derive(Debug, Clone)]
struct Step {
    user: usize,
    ballot: Option<Ballot>,
    is_asked: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let ballot = (0..3_u32, any::<bool>()).prop_map(|(grace, has_devices)| Ballot {
        grace_ms: grace * 100,
        is_leaving: false,
        devices: has_devices.then(|| Arc::from([Device::default()])),
    });
    let ballot = proptest::option::weighted(0.6, ballot);
    (0..USERS, ballot, any::<bool>()).prop_map(|(user, ballot, is_asked)| Step {
        user,
        ballot,
        is_asked,
    })
}

/// One without graces and devices, which the digest does not cover.
fn plain_step() -> impl Strategy<Value = Step> {
    let ballot = proptest::option::weighted(0.6, Just(Ballot::default()));
    (0..USERS, ballot).prop_map(|(user, ballot)| Step {
        user,
        ballot,
        is_asked: false,
    })
}

/// An origin in one of its lives, what it said, and the states that it had.
struct Life {
    replica: Replica,
    link: LinkId,
    said: Vec<Message>,
    states: HashMap<(u64, u64), State>,
}

impl Life {
    fn of(incarnation: u64, steps: &[Step]) -> Life {
        let origin = origin("a", incarnation);
        let mut replica = Replica::new(origin.clone());
        let link = replica.open_link(at(1));
        let mut life = Life {
            replica,
            link,
            said: vec![hello(&origin)],
            states: HashMap::new(),
        };
        life.hear(hello(&self::origin("reader", 1)));
        life.ask(&origin);
        for step in steps {
            let id = life.replica.intern(&user(step.user));
            life.replica.cast(id, step.ballot.clone(), at(1));
            life.read();
            if step.is_asked {
                life.ask(&origin);
            }
        }
        life
    }

    fn hear(&mut self, message: Message) {
        self.replica.receive(self.link, message, at(1)).unwrap();
    }

    fn ask(&mut self, origin: &Origin) {
        let (origin, from) = (origin.clone(), From::Start);
        self.hear(Message::Want(Want { origin, from }));
        self.read();
    }

    /// Keeps what it says of its votes, and the state of which it says it.
    fn read(&mut self) {
        while let Some(message) = self.replica.next_message(self.link, at(1)) {
            if matches!(message, Message::Deltas(_) | Message::Ballots(_)) {
                self.said.push(message);
            }
        }
        let me = &self.replica.replicas()[0];
        let state = (me.digest, online(&self.replica));
        self.states.insert((me.origin.incarnation, me.seq), state);
    }
}

/// Somebody who hears what was said of an origin.
struct Observer {
    replica: Replica,
    link: LinkId,
}

impl Observer {
    fn new(first: &Message) -> Observer {
        let mut replica = Replica::new(origin("b", 1));
        let link = replica.open_link(at(1));
        replica.receive(link, first.clone(), at(1)).unwrap();
        Observer { replica, link }
    }

    fn hear(&mut self, message: &Message) {
        self.replica
            .receive(self.link, message.clone(), at(1))
            .unwrap();
    }

    fn known(&self) -> Peer {
        self.replica.replicas().remove(1)
    }

    /// What was missed comes over a link with the origin itself.
    fn repair(&mut self, origin: &mut Replica) {
        self.replica.close_link(self.link, at(1));
        let links = [self.replica.open_link(at(1)), origin.open_link(at(1))];
        for tick in 1..REPAIR_MS / TICK_MS {
            let now = at(1 + tick * TICK_MS);
            self.replica.tick(now);
            origin.tick(now);
            while say(&mut self.replica, links[0], origin, links[1], now)
                | say(origin, links[1], &mut self.replica, links[0], now)
            {}
        }
    }
}

/// Says what there is to say: whether there was anything.
fn say(from: &mut Replica, speaks: LinkId, to: &mut Replica, hears: LinkId, now: Now) -> bool {
    let mut has_said = false;
    while let Some(message) = from.next_message(speaks, now) {
        has_said = true;
        to.receive(hears, message, now).unwrap();
    }
    has_said
}

fn origin(replica: &str, incarnation: u64) -> Origin {
    Origin {
        replica: replica.into(),
        incarnation,
    }
}

fn hello(origin: &Origin) -> Message {
    Message::Hello(Hello {
        origin: origin.clone(),
        is_new: false,
    })
}

fn user(number: usize) -> User {
    User::parse(&format!("user-{number}")).unwrap()
}

fn online(replica: &Replica) -> BTreeSet<usize> {
    let is_online = |number: &usize| {
        let id = replica.id(&user(*number));
        id.is_some_and(|id| replica.is_online(id))
    };
    (0..USERS).filter(is_online).collect()
}

fn at(ms: u64) -> Now {
    Now {
        ms,
        unix_ms: 1_800_000_000_000 + ms.cast_signed(),
    }
}

proptest! {
    #[test]
    fn what_is_known_of_an_origin_is_a_state_that_it_had(
        steps in vec(step(), 1..12), heard in vec(any::<Index>(), 0..40)
    ) {
        let life = Life::of(7, &steps);
        let mut observer = Observer::new(&life.said[0]);
        for index in heard {
            let before = observer.known().seq;
            observer.hear(index.get(&life.said));
            let known = observer.known();
            prop_assert!(known.seq >= before, "{} after {before}", known.seq);
            let state = (known.digest, online(&observer.replica));
            prop_assert_eq!(Some(&state), life.states.get(&(7, known.seq)));
        }
    }

    #[test]
    fn once_repaired_all_know_what_the_origin_votes_now(
        lives in vec(vec(step(), 1..8), 1..4), heard in vec(vec(any::<Index>(), 0..30), 2)
    ) {
        let lives = lives.iter().enumerate();
        let mut lives: Vec<Life> = lives.map(|(n, steps)| Life::of(n as u64 + 1, steps)).collect();
        let said: Vec<Message> = lives.iter().flat_map(|life| life.said.clone()).collect();
        let last = lives.last_mut().unwrap();
        for indexes in heard {
            let mut observer = Observer::new(&said[0]);
            indexes.iter().for_each(|index| observer.hear(index.get(&said)));
            observer.repair(&mut last.replica);
            let (is, known) = (last.replica.replicas().remove(0), observer.known());
            prop_assert_eq!((is.origin, is.seq, is.digest), (known.origin, known.seq, known.digest));
            prop_assert_eq!(online(&last.replica), online(&observer.replica));
        }
    }

    #[test]
    fn votes_of_another_life_in_the_same_incarnation_are_found_out(
        before in vec(plain_step(), 1..8), now in vec(plain_step(), 1..8)
    ) {
        let (before, mut life) = (Life::of(7, &before), Life::of(7, &now));
        let mut observer = Observer::new(&before.said[0]);
        before.said.iter().for_each(|message| observer.hear(message));
        observer.repair(&mut life.replica);
        let (is, known) = (life.replica.replicas().remove(0), observer.known());
        prop_assert_eq!((is.origin, is.seq, is.digest), (known.origin, known.seq, known.digest));
        prop_assert_eq!(online(&life.replica), online(&observer.replica));
    }
}
