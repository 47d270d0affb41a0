//! Two replicas, linked without a wire.

use super::*;
use crate::replica::LinkId;

struct Pair {
    here: Arc<Roster>,
    there: Arc<Roster>,
    links: [LinkId; 2],
}

impl Pair {
    fn linked(limits: RosterLimits) -> Self {
        let new = |replica: &str| {
            let me = Origin {
                replica: replica.into(),
                incarnation: 1,
            };
            Roster::new(me, limits)
        };
        let (here, there) = (new("here"), new("there"));
        let links = [&here, &there].map(|roster| roster.with_replica(Replica::open_link));
        let pair = Self { here, there, links };
        pair.talk();
        pair
    }

    /// Lets both say all that they have to say.
    fn talk(&self) {
        let [here, there] = self.links;
        while say(&self.here, here, &self.there, there) || say(&self.there, there, &self.here, here)
        {
        }
    }
}

/// Carries one message, if there is one.
fn say(from: &Roster, link: LinkId, to: &Roster, other_end: LinkId) -> bool {
    let message = from.with_replica(|replica, now| replica.next_message(link, now));
    let Some(message) = message else {
        return false;
    };
    to.with_replica(|replica, now| replica.receive(other_end, message, now).unwrap());
    true
}

fn online(roster: &Roster, name: &str) -> Presence {
    let known = roster.presences(&[user(name)], usize::MAX).unwrap();
    known.into_iter().next().unwrap().0
}

#[test]
fn what_a_device_tells_on_one_replica_is_told_on_the_other() {
    let pair = Pair::linked(RosterLimits::default());
    let gateway = pair.here.session();
    let watcher = pair.there.session();
    let mut watching = watcher.begin_watch(None, false);
    assert_eq!(watcher.watch(&mut watching, &[user("Albert")]), [Ok(())]);
    assert!(!watcher.snapshot(&mut watching).unwrap().users[0].online);

    let arrival = arrival("Albert", device("phone", "busy"), 0);
    assert_eq!(gateway.connect(vec![arrival]), [Ok(())]);
    pair.talk();
    let changes = watcher.changes().unwrap();
    assert_eq!(changes.users[0].devices, [device("phone", "busy")]);
    drop(gateway);
    pair.talk();
    assert!(!watcher.changes().unwrap().users[0].online);
}

#[test]
fn connections_elsewhere_count_as_far_as_they_tell_something() {
    let limits = RosterLimits {
        connections_per_user: 3,
        ..RosterLimits::default()
    };
    let pair = Pair::linked(limits);
    let gateway = pair.here.session();
    let plain = arrival("Albert", Device::default(), 0);
    assert_eq!(gateway.connect(vec![plain]), [Ok(())]);
    pair.talk();
    let first = pair.there.connect(&user("Albert")).unwrap();
    let _second = pair.there.connect(&user("Albert")).unwrap();
    let full = Err(Error::TooManyConnections { max: 3 });
    assert_eq!(pair.there.connect(&user("Albert")).map(drop), full);

    drop(first);
    let devices = ["phone", "laptop"].map(|name| arrival("Albert", device(name, ""), 0));
    assert_eq!(gateway.connect(devices.to_vec()), [Ok(()), Ok(())]);
    pair.talk();
    assert_eq!(pair.there.connect(&user("Albert")).map(drop), full);
    assert_eq!(online(&pair.there, "Albert").devices.len(), 2);
}
