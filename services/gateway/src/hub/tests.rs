//! The hub beside a model: a store, a feed that may be late, and clients that come and go.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::task::{Context, Poll, Waker};

use proptest::prelude::*;

use super::*;

const STORE: &str = "00000000000000000000000000000007";
const TOPICS: [&str; 3] = ["user/1", "user/2", "user/3"];
const SMALL: Kept = Kept {
    events: 4,
    bytes: usize::MAX,
    bare_topics: 1,
};

fn place(position: usize) -> Place {
    Place {
        store: STORE.into(),
        position: position as i64,
    }
}

fn event(position: usize, topic: &str) -> Event {
    Event {
        position: position as i64,
        cursor: place(position).to_string().into(),
        topic: topic.into(),
        id: position.to_string().into(),
        ..Event::default()
    }
}

/// All events that were ever appended, by topic, and a gateway that follows them.
struct World {
    store: Vec<usize>,
    hub: Hub,
    fed: usize,
    clients: Vec<Client>,
}

/// A client of one topic, that remembers the last event it has seen.
struct Client {
    topic: usize,
    seen: Vec<usize>,
    connection: Option<Connection>,
}

struct Connection {
    mailbox: Arc<Mailbox>,
    member: Member,
    place: Place,
    is_live: bool,
}

#[derive(Debug, Clone)]
enum Op {
    /// Something happens in a topic.
    Append(usize),
    /// The feed brings so many events.
    Feed(usize),
    /// A client does the next step on its way to live, or comes at all.
    Step(usize),
    /// A client reads what was sent to it.
    Read(usize),
    /// The connection of a client is cut, with what was not read.
    Cut(usize),
    /// The gateway dies, and another one begins at the end of the store.
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0..TOPICS.len()).prop_map(Op::Append),
        4 => (1..6_usize).prop_map(Op::Feed),
        8 => (0..4_usize).prop_map(Op::Step),
        4 => (0..4_usize).prop_map(Op::Read),
        2 => (0..4_usize).prop_map(Op::Cut),
        1 => Just(Op::Restart),
    ]
}

impl World {
    fn new() -> World {
        let client = |topic| Client {
            topic,
            seen: Vec::new(),
            connection: None,
        };
        World {
            store: Vec::new(),
            hub: begun(0),
            fed: 0,
            clients: [0, 0, 1, 2].map(client).into(),
        }
    }

    fn run(&mut self, op: &Op) {
        match op {
            Op::Append(topic) => self.store.push(*topic),
            Op::Feed(count) => self.feed(*count),
            Op::Step(client) => self.step(*client),
            Op::Read(client) => self.clients[*client].read(),
            Op::Cut(client) => self.cut(*client),
            Op::Restart => {
                (0..self.clients.len()).for_each(|client| self.cut(client));
                self.fed = self.store.len();
                self.hub = begun(self.fed);
            }
        }
    }

    fn feed(&mut self, count: usize) {
        for _ in 0..count.min(self.store.len() - self.fed) {
            let topic = TOPICS[self.store[self.fed]];
            self.fed += 1;
            self.hub.publish(event(self.fed, topic));
        }
    }

    fn cut(&mut self, client: usize) {
        let client = &mut self.clients[client];
        if let Some(Connection {
            mailbox, member, ..
        }) = client.connection.take()
        {
            self.hub
                .leave(TOPICS[client.topic], &mailbox, member.number);
        }
    }

    /// As a catch-up does it.
    fn step(&mut self, client: usize) {
        let (hub, store) = (&self.hub, &self.store);
        let client = &mut self.clients[client];
        let topic = client.topic;
        let last = client.seen.last().copied().unwrap_or(0);
        let now = client
            .connection
            .get_or_insert_with(|| Connection::at(place(last)));
        if now.is_live {
            return;
        }
        match hub.step(TOPICS[topic], &now.place, &now.member) {
            Step::Missed(events) => {
                now.place.position = events.last().unwrap().position;
                let missed = events.iter().map(|event| event.position as usize);
                client.seen.extend(missed);
            }
            Step::Joined(_) => now.is_live = true,
            Step::Unknown => {
                // A page of two positions.
                let from = now.place.position as usize;
                let to = store.len().min(from + 2);
                let found = (from..to).filter(|index| store[*index] == topic);
                client.seen.extend(found.map(|index| index + 1));
                now.place = place(to);
                now.member.after = to as i64;
            }
        }
    }

    /// What a client of the topic is to see, in the order of positions.
    fn expected(&self, topic: usize) -> Vec<usize> {
        let all = self.store.iter().enumerate();
        all.filter(|(_, of)| **of == topic)
            .map(|(index, _)| index + 1)
            .collect()
    }
}

impl Connection {
    fn at(place: Place) -> Connection {
        let mailbox = Mailbox::new(&Arc::default());
        Connection {
            member: member(&mailbox),
            mailbox,
            place,
            is_live: false,
        }
    }
}

impl Client {
    fn read(&mut self) {
        if let Some(connection) = &self.connection {
            self.seen.extend(taken(&connection.mailbox));
        }
    }
}

fn begun(position: usize) -> Hub {
    let hub = Hub::new(Routing::ByTopic, SMALL);
    hub.begin(place(position), None);
    hub
}

fn member(mailbox: &Arc<Mailbox>) -> Member {
    Member {
        mailbox: Arc::clone(mailbox),
        number: 1,
        form: Form::Event,
        kind: None,
        after: i64::MIN,
        label: None,
    }
}

fn next(mailbox: &Mailbox) -> Option<Mail> {
    match mailbox.poll_take(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Found::Mail(mail)) => Some(mail),
        Poll::Ready(found) => panic!("{found:?}"),
        Poll::Pending => None,
    }
}

/// The positions of the events in a mailbox.
fn taken(mailbox: &Mailbox) -> Vec<usize> {
    let event = |mail| match mail {
        Mail::Event { event, .. } => event.position as usize,
        other => panic!("{other:?}"),
    };
    std::iter::from_fn(|| next(mailbox)).map(event).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whoever_comes_back_sees_each_event_once_and_in_order(
        ops in proptest::collection::vec(op(), 0..120),
    ) {
        let mut world = World::new();
        for op in &ops {
            world.run(op);
            for client in &world.clients {
                let expected = world.expected(client.topic);
                prop_assert!(expected.starts_with(&client.seen), "{:?}: {:?}", expected, client.seen);
            }
        }
        // In the end all that was stored is seen by all who stay.
        world.feed(usize::MAX);
        for client in 0..world.clients.len() {
            (0..200).for_each(|_| world.step(client));
            world.clients[client].read();
            let client = &world.clients[client];
            prop_assert!(client.connection.as_ref().unwrap().is_live);
            prop_assert_eq!(&client.seen, &world.expected(client.topic));
        }
    }
}

#[test]
fn who_has_missed_nothing_joins_without_the_store_however_long_ago_that_was() {
    let hub = begun(0);
    hub.publish(event(1, "user/1"));
    (2..100).for_each(|position| hub.publish(event(position, "user/2")));
    let mailbox = Mailbox::new(&Arc::default());
    let step = hub.step("user/1", &place(1), &member(&mailbox));
    assert!(matches!(step, Step::Joined(_)), "{step:?}");
    let step = hub.step("user/1", &place(0), &member(&mailbox));
    assert!(
        matches!(step, Step::Unknown),
        "its event is not kept any more: {step:?}"
    );
}

#[test]
fn what_came_before_the_feed_began_is_unknown() {
    let hub = begun(10);
    let mailbox = Mailbox::new(&Arc::default());
    for (position, is_known) in [(9, false), (10, true)] {
        let step = hub.step("user/1", &place(position), &member(&mailbox));
        assert_eq!(
            matches!(step, Step::Joined(_)),
            is_known,
            "{position}: {step:?}"
        );
    }
}

#[test]
fn a_place_ahead_of_the_feed_is_for_the_store_to_judge_and_nothing_is_told_twice() {
    let hub = begun(10);
    let mailbox = Mailbox::new(&Arc::default());
    let new = member(&mailbox);
    assert!(matches!(
        hub.step("user/1", &place(12), &new),
        Step::Unknown
    ));
    let told = Member { after: 12, ..new };
    assert!(matches!(
        hub.step("user/1", &place(12), &told),
        Step::Joined(_)
    ));
    (11..=13).for_each(|position| hub.publish(event(position, "user/1")));
    assert_eq!(taken(&mailbox), [13]);
}

#[test]
fn a_place_in_another_store_is_unknown() {
    let hub = begun(10);
    let other = Place {
        store: "00000000000000000000000000000008".into(),
        position: 10,
    };
    let step = hub.step("user/1", &other, &member(&Mailbox::new(&Arc::default())));
    assert!(matches!(step, Step::Unknown));
}

#[test]
fn a_kind_that_is_asked_for_keeps_the_others_away() {
    let hub = begun(0);
    let mailbox = Mailbox::new(&Arc::default());
    let kind = Some("task.completed".into());
    hub.join(
        "user/1",
        Member {
            kind,
            ..member(&mailbox)
        },
    );
    for (position, kind) in [(1, "task.completed"), (2, "task.created")] {
        let kind = kind.into();
        hub.publish(Event {
            kind,
            ..event(position, "user/1")
        });
    }
    assert_eq!(taken(&mailbox), [1]);
}

#[test]
fn a_hub_for_all_gives_all_events_to_all() {
    let hub = Hub::new(Routing::ToAll, SMALL);
    let mailbox = Mailbox::new(&Arc::default());
    assert_eq!(
        hub.join("deployment/", member(&mailbox)),
        None,
        "it has not begun"
    );
    hub.begin(place(0), None);
    hub.publish(event(1, "deployment/1"));
    hub.publish(event(2, "deployment/2"));
    assert_eq!(taken(&mailbox), [1, 2]);
}

#[test]
fn who_is_told_of_marks_is_told_when_the_store_is_another_one() {
    let hub = begun(10);
    let (told, plain) = (Mailbox::new(&Arc::default()), Mailbox::new(&Arc::default()));
    let label = Some("\"user_id\":1".into());
    hub.join(
        "user/1",
        Member {
            label,
            after: 10,
            ..member(&told)
        },
    );
    hub.join("user/1", member(&plain));
    let other = Place {
        store: "00000000000000000000000000000008".into(),
        position: 3,
    };
    hub.begin(other.clone(), Some(Reason::OtherStore));
    let Some(Mail::Mark(mark)) = next(&told) else {
        panic!("no mark")
    };
    assert_eq!((mark.name, &*mark.cursor), ("reset", &*other.to_string()));
    assert!(next(&plain).is_none());
    hub.publish(event(4, "user/1"));
    assert_eq!((taken(&told), taken(&plain)), (vec![4], vec![4]));
}

#[test]
fn whoever_leaves_leaves_nothing() {
    let hub = begun(0);
    let mailbox = Mailbox::new(&Arc::default());
    hub.join("user/1", member(&mailbox));
    hub.leave("user/1", &mailbox, 2);
    hub.publish(event(1, "user/1"));
    hub.leave("user/1", &mailbox, 1);
    hub.publish(event(2, "user/1"));
    assert_eq!(taken(&mailbox), [1]);
    drop(hub);
    assert_eq!(Arc::strong_count(&mailbox), 1);
}
