//! A cluster, its network and its users, on one clock that jumps from each thing that happens to the next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use muster_presence::replica::{Now, Replica, What};
use muster_presence::user::User;
use muster_testkit::Dice;

use crate::discovery::Discovery;
use crate::hearing::Book;
use crate::link::Link;
use crate::node::Node;
use crate::profile::Profile;

/// More nodes than any schedule has.
pub(crate) const NODES_MAX: usize = 5;
/// How much of one thing is told, in characters.
const TOLD_MAX: usize = 400;
/// How often what must always hold is looked at.
const LOOK_MS: u64 = 50;

/// Something that will happen. Nodes are meant in one of their lives: what was to happen in another one does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Tick(usize, u32),
    Dial(usize, u32),
    Pump(usize, u32),
    Connected(usize),
    Unreached(usize),
    Accepted(usize),
    Arrived(usize, usize),
    EndTold(usize, usize),
    Registered(usize, u32),
    Expired(usize, u32),
    Listed(usize, u32),
    Withdraw(usize, u32, usize, u64),
    LeaveTold(usize, u32),
    Moved(usize),
    Stopped(usize, u32),
    Trouble,
    Look,
}

pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) profile: Profile,
    pub(crate) now_ms: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    events_count: u64,
    pub(crate) nodes: Vec<Node>,
    pub(crate) links: Vec<Link>,
    /// Whether nothing comes through from one node to another.
    pub(crate) cut: [[bool; NODES_MAX]; NODES_MAX],
    pub(crate) users: Vec<User>,
    pub(crate) discovery: Discovery,
    pub(crate) book: Book,
    pub(crate) is_troubled: bool,
    pub(crate) votes_count: u64,
    pub(crate) messages_count: u64,
    /// The first thing that should not have happened.
    pub(crate) wrong: Option<String>,
    /// What happened, if that is to be told.
    trace: Option<Vec<String>>,
}

/// Notes what happens, if that is to be told.
macro_rules! note {
    ($world:expr, $($told:tt)*) => {
        if $world.is_traced() {
            $world.tell(format!($($told)*));
        }
    };
}
pub(crate) use note;

impl World {
    pub(crate) fn new(seed: u64, is_traced: bool) -> World {
        let mut dice = Dice::new(seed);
        let profile = Profile::roll(&mut dice);
        let name = |number: usize| ["a", "b", "c", "d", "e"][number].into();
        let user = |number| User::parse(&format!("u{number}")).unwrap();
        World {
            now_ms: 0,
            events: BinaryHeap::new(),
            events_count: 0,
            nodes: (0..profile.nodes)
                .map(|number| Node::new(name(number)))
                .collect(),
            links: Vec::new(),
            cut: [[false; NODES_MAX]; NODES_MAX],
            users: (0..profile.users).map(user).collect(),
            discovery: Discovery::default(),
            book: Book::new(profile.users),
            is_troubled: true,
            votes_count: 0,
            messages_count: 0,
            wrong: None,
            trace: is_traced.then(Vec::new),
            dice,
            profile,
        }
    }

    /// Plays the schedule to its end.
    pub(crate) fn play(&mut self) {
        note!(self, "{:?}", self.profile);
        for n in 0..self.nodes.len() {
            self.start(n);
        }
        self.after(LOOK_MS, Event::Look);
        self.after(200, Event::Trouble);
        let trouble_ms = self.profile.trouble_ms;
        self.run_until(trouble_ms, |_| false);
        self.calm_down();
    }

    /// Lets things happen until a moment, or until it is enough, or something is wrong.
    pub(crate) fn run_until(&mut self, end_ms: u64, is_enough: impl Fn(&World) -> bool) {
        while self.wrong.is_none() && !is_enough(self) {
            let Some(Reverse((at_ms, _, event))) = self.events.pop() else {
                return;
            };
            self.now_ms = at_ms;
            if at_ms > end_ms {
                return self.after(0, event);
            }
            self.happen(event);
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick(n, life) => self.tick(n, life),
            Event::Dial(n, life) => self.dial(n, life),
            Event::Pump(n, life) => self.pump(n, life),
            Event::Connected(link) => self.connected(link),
            Event::Unreached(link) => self.unreached(link),
            Event::Accepted(link) => self.accepted(link),
            Event::Arrived(link, side) => self.arrived(link, side),
            Event::EndTold(link, side) => self.tell_end(link, side),
            Event::Registered(n, life) => self.registered(n, life),
            Event::Expired(n, life) => self.expired(n, life),
            Event::Listed(n, life) => self.listed(n, life),
            Event::Withdraw(n, life, user, number) => self.grace_ends(n, life, user, number),
            Event::LeaveTold(n, life) => self.leave_told(n, life),
            Event::Moved(user) => self.connect_somewhere(user),
            Event::Stopped(n, life) => self.stopped(n, life),
            Event::Trouble => self.trouble(),
            Event::Look => {
                self.look();
                self.after(LOOK_MS, Event::Look);
            }
        }
    }

    /// So many milliseconds from now, something will happen.
    pub(crate) fn after(&mut self, delay_ms: u64, event: Event) {
        self.events_count += 1;
        let at_ms = self.now_ms + delay_ms;
        self.events.push(Reverse((at_ms, self.events_count, event)));
    }

    /// A number of milliseconds below that.
    pub(crate) fn some_ms(&mut self, limit_ms: usize) -> u64 {
        self.dice.within(0..limit_ms) as u64
    }

    /// Lets a replica do something, and then what its process does with what came of it.
    pub(crate) fn with<T>(&mut self, n: usize, act: impl FnOnce(&mut Replica, Now) -> T) -> T {
        let node = &mut self.nodes[n];
        let now = node.now(self.now_ms);
        let replica = node.replica.as_mut().expect("it runs");
        let outcome = act(replica, now);
        self.settle(n);
        outcome
    }

    fn settle(&mut self, n: usize) {
        let node = &mut self.nodes[n];
        let replica = node.replica.as_mut().expect("it runs");
        let (changes, dead) = (replica.take_changes(), replica.dead_links());
        let mut changed = Vec::new();
        for change in &changes {
            let user = replica.user(change.user).expect("a user changed").clone();
            let u = self.users.iter().position(|known| *known == user);
            let u = u.expect("a user of ours");
            let follows = match change.what {
                What::Online => node.told.insert(u),
                What::Offline => node.told.remove(&u),
                What::Devices => node.told.contains(&u),
            };
            changed.push(u);
            if !follows {
                let wrong = format!(
                    "{} tells {:?} of {user:?} out of turn",
                    node.name, change.what
                );
                self.wrong.get_or_insert(wrong);
            }
        }
        if replica.online_count() != node.told.len() {
            let wrong = format!("{} tells of other users than are online", node.name);
            self.wrong.get_or_insert(wrong);
        }
        // Nobody here watches users of odd numbers.
        for (change, u) in changes.iter().zip(&changed) {
            if change.what == What::Offline && u % 2 == 1 {
                replica.release(change.user);
            }
        }
        for change in changes {
            note!(
                self,
                "{}: {:?} by {}@{}",
                self.nodes[n].name,
                change.what,
                change.origin,
                change.seq
            );
        }
        for u in changed {
            note!(self, "{}: changed u{u}", self.nodes[n].name);
            self.look_at(n, u);
        }
        for id in dead {
            self.hang_up_id(n, id);
        }
        self.pump_soon(n);
    }

    pub(crate) fn is_traced(&self) -> bool {
        self.trace.is_some()
    }

    pub(crate) fn tell(&mut self, what: String) {
        let now_ms = self.now_ms;
        if let Some(trace) = &mut self.trace {
            let told: String = what.chars().take(TOLD_MAX).collect();
            trace.push(format!("{now_ms:>6} {told}"));
        }
    }

    pub(crate) fn trace(&self) -> &[String] {
        self.trace.as_deref().unwrap_or_default()
    }

    /// Something is as it must not be.
    pub(crate) fn wrong(&mut self, what: impl FnOnce() -> String) {
        self.wrong.get_or_insert_with(what);
    }
}
