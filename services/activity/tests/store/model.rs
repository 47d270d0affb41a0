//! Any sequence of appends, batches, trims, readers and restarts gives what a simple model gives.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use muster_activity::batch::{Batch, Fate};
use muster_activity::cursor::{Cursor, Stale};
use muster_activity::error::Error;
use muster_activity::event::{Attributes, Event, NewEvent};
use muster_activity::selection::{Selection, Topics};
use muster_activity::store::{Appended, Store};
use muster_activity::tail::{Begin, Feed, Request, Told};
use muster_activity::trim::Trim;
use proptest::prelude::*;

use crate::engine::{Engine, append_all, engines, other, read, read_all};

/// All there is to know of a store.
#[derive(Default)]
struct Model {
    /// All that were ever stored.
    events: Vec<Event>,
    /// The positions of those that were removed.
    removed: BTreeSet<i64>,
}

/// What an append answers.
#[derive(Debug, PartialEq)]
enum Answer {
    Stored(Event),
    AlreadyThere(Event),
    Removed(i64),
    OtherContent(i64),
    NoIdLeft,
}

/// Why nothing of a batch is stored.
#[derive(Debug, PartialEq)]
enum Refusal {
    OtherLastPosition(i64),
    Conflict(usize),
}

type Content = (String, String, Attributes);

fn content(event: Event) -> Content {
    (event.kind, event.message, event.attributes)
}

fn content_of_new(event: &NewEvent) -> Content {
    content(event.clone().stored(0, String::new()))
}

impl Model {
    fn append(&mut self, new: NewEvent) -> Answer {
        let topic = new.topic.as_str();
        let Some(id) = new.id.clone().or_else(|| self.next_id(topic)) else {
            return Answer::NoIdLeft;
        };
        let there = self
            .events
            .iter()
            .find(|event| event.topic == topic && event.id == id);
        match there {
            Some(event) if content(event.clone()) == content_of_new(&new) => {
                match self.removed.contains(&event.position) {
                    false => Answer::AlreadyThere(event.clone()),
                    true => Answer::Removed(event.position),
                }
            }
            Some(event) => Answer::OtherContent(event.position),
            None => {
                let event = new.stored(self.events.len() as i64 + 1, id);
                self.events.push(event.clone());
                Answer::Stored(event)
            }
        }
    }

    fn append_batch(&mut self, batch: &Batch) -> Result<Vec<Fate>, Refusal> {
        let topic = batch.events()[0].topic.as_str();
        let last = self.last_of(topic);
        let before = self.events.len();
        let fates: Vec<_> = batch
            .events()
            .iter()
            .map(|event| match self.append(event.clone()) {
                Answer::Stored(event) => Fate::Stored(event.position),
                Answer::AlreadyThere(event) => Fate::AlreadyThere(event.position),
                Answer::Removed(position) => Fate::AlreadyThere(position),
                Answer::OtherContent(position) => Fate::Conflict(position),
                Answer::NoIdLeft => panic!("every event of a batch has an id"),
            })
            .collect();
        let Some(expected) = batch.expected_last() else {
            return Ok(fates);
        };
        let conflict = fates
            .iter()
            .position(|fate| matches!(fate, Fate::Conflict(_)));
        let is_repeated = fates
            .iter()
            .all(|fate| matches!(fate, Fate::AlreadyThere(_)));
        let refusal = match conflict {
            _ if is_repeated => return Ok(fates),
            _ if last != expected => Refusal::OtherLastPosition(last),
            Some(index) => Refusal::Conflict(index),
            None => return Ok(fates),
        };
        self.events.truncate(before);
        Err(refusal)
    }

    fn last_of(&self, topic: &str) -> i64 {
        let of_topic = self.events.iter().filter(|event| event.topic == topic);
        of_topic.map(|event| event.position).max().unwrap_or(0)
    }

    fn next_id(&self, topic: &str) -> Option<String> {
        let ids = self.events.iter().filter(|event| event.topic == topic);
        let highest: i64 = ids
            .filter_map(|event| event.id.parse().ok())
            .max()
            .unwrap_or(0);
        i32::try_from(highest.max(0) + 1)
            .ok()
            .map(|id| id.to_string())
    }

    /// Removes events up to a position; how many.
    fn trim(&mut self, topics: &Topics, up_to: i64) -> u64 {
        let selection = Selection::of(topics.clone());
        let there = self.there();
        let selected = there.iter().filter(|event| selection.has_event(event));
        let positions = selected.map(|event| event.position);
        let removed: Vec<i64> = positions.filter(|position| *position <= up_to).collect();
        self.removed.extend(&removed);
        removed.len() as u64
    }

    /// What was not removed.
    fn there(&self) -> Vec<Event> {
        let events = self.events.iter();
        let there = events.filter(|event| !self.removed.contains(&event.position));
        there.cloned().collect()
    }

    fn by_topic(&self) -> BTreeMap<String, Vec<Event>> {
        let mut topics = BTreeMap::<_, Vec<_>>::new();
        for event in &self.there() {
            topics
                .entry(event.topic.clone())
                .or_default()
                .push(event.clone());
        }
        topics
    }
}

/// Whether the store answered as the model did; it does not tell where the other content is.
fn is_as_expected(appended: &Result<Appended, Error>, expected: &Answer) -> bool {
    match (appended, expected) {
        (Ok(Appended::Stored(event)), Answer::Stored(other)) => event == other,
        (Ok(Appended::AlreadyThere(event)), Answer::AlreadyThere(other)) => event == other,
        (Ok(Appended::Removed(event)), Answer::Removed(position)) => event.position == *position,
        (Err(Error::OtherContent), Answer::OtherContent(_)) => true,
        (Err(Error::NoIdLeft), Answer::NoIdLeft) => true,
        _ => false,
    }
}

fn fates(appended: Result<Vec<Fate>, Error>) -> Result<Vec<Fate>, Refusal> {
    appended.map_err(|error| match error {
        Error::OtherLastPosition { last, .. } => Refusal::OtherLastPosition(last),
        Error::Conflict { index } => Refusal::Conflict(index),
        error => panic!("{error}"),
    })
}

#[derive(Debug, Clone)]
enum Step {
    /// Appended at the same time.
    Append(Vec<NewEvent>),
    /// Each event of one topic, expected behind the given one of the topic's events (counted
    /// from its last; `None`: whatever it is).
    Batch(Vec<NewEvent>, Option<usize>),
    /// Of the first events, so many.
    Trim(Topics, i64),
    /// The follower reads what is new.
    Follow,
    Restart,
}

fn new_event() -> impl Strategy<Value = NewEvent> {
    let deployment = prop_oneof![Just(0), Just(1), Just(2), Just(-3), Just(i32::MIN)];
    let id = prop_oneof![
        3 => Just(0),
        6 => -3..6,
        1 => prop_oneof![Just(i32::MAX), Just(i32::MAX - 1), Just(i32::MIN)],
    ];
    let times = (any::<i64>(), any::<i64>());
    (deployment, id, "[ab]", times).prop_map(|(deployment, id, message, (send_ns, receive_ns))| {
        NewEvent::of_deployment(deployment, id, message, send_ns, receive_ns).unwrap()
    })
}

/// One of few identities and few contents, so that they meet.
fn batch_event() -> impl Strategy<Value = NewEvent> {
    let attributes = prop_oneof![
        4 => Just(Attributes::new()),
        1 => Just(Attributes::from([("a".into(), "\"".into())])),
    ];
    let topic = prop_oneof![Just("deployment/1"), Just("user/1")];
    (topic, 1..9_i32, "k?", attributes).prop_map(|(topic, id, kind, attributes)| NewEvent {
        kind,
        attributes,
        ..other(topic, &id.to_string(), "a")
    })
}

fn batch() -> impl Strategy<Value = Step> {
    let expected = prop::option::of(0..2_usize);
    let events = prop::collection::vec(batch_event(), 1..6);
    (events, expected).prop_map(|(mut events, expected)| {
        if expected.is_some() {
            let topic = events[0].topic.clone();
            events
                .iter_mut()
                .for_each(|event| event.topic = topic.clone());
        }
        Step::Batch(events, expected)
    })
}

fn trim() -> impl Strategy<Value = Step> {
    let topics = prop_oneof![
        3 => Just(Topics::One("user/1".into())),
        1 => Just(Topics::One("deployment/1".into())),
        1 => Just(Topics::Prefix("deployment/".into())),
        1 => Just(Topics::Prefix(String::new())),
    ];
    (topics, 0..60_i64).prop_map(|(topics, up_to)| Step::Trim(topics, up_to))
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec(new_event(), 1..12).prop_map(Step::Append),
        6 => batch(),
        2 => trim(),
        3 => Just(Step::Follow),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..16)
}

/// Somebody who follows a topic, and comes back with the last cursor.
#[derive(Default)]
struct Follower {
    seen: Vec<Event>,
    /// Where it was for the first time: what was removed behind, it should have been told.
    begun_at: Option<i64>,
    /// It was told that it has missed events.
    was_reset: bool,
    cursor: Option<Cursor>,
}

impl Follower {
    /// Reads what there is.
    async fn catch_up(&mut self, store: &Store) {
        let mut tail = Feed::new(store.clone()).tail(Request {
            selection: Selection::topic("user/1"),
            begin: self.cursor.map_or(Begin::First, Begin::Behind),
            follow: false,
        });
        while let Some(told) = tail.next().await {
            match told.unwrap() {
                Told::Batch(events, cursor) => {
                    self.seen
                        .extend(events.into_iter().map(Arc::unwrap_or_clone));
                    self.cursor = Some(cursor);
                }
                Told::Live(cursor) => self.cursor = Some(cursor),
                Told::Reset(reset) => {
                    assert_eq!(reset.reason, Stale::Removed);
                    assert_eq!(Some(reset.cursor), self.cursor);
                    self.was_reset = true;
                }
            }
        }
        self.begun_at = self.begun_at.or(self.cursor.map(|cursor| cursor.position));
    }

    /// It has seen all that was not removed, some of what was, and was told if not all.
    fn check(&self, model: &Model) {
        let all: Vec<&Event> = model
            .events
            .iter()
            .filter(|event| event.topic == "user/1")
            .collect();
        let mut seen = self.seen.iter().peekable();
        let missed = all
            .iter()
            .filter(|event| seen.next_if(|seen| seen == *event).is_none());
        let missed: Vec<i64> = missed.map(|event| event.position).collect();
        assert!(seen.next().is_none(), "seen twice, or out of order");
        assert!(
            missed
                .iter()
                .all(|position| model.removed.contains(position))
        );
        let begun_at = self.begun_at.unwrap_or(i64::MAX);
        let is_late = missed.iter().any(|position| *position > begun_at);
        assert_eq!(
            self.was_reset, is_late,
            "missed {missed:?} from {begun_at} on"
        );
    }
}

async fn run(engine: &Engine, steps: Vec<Step>) {
    let mut model = Model::default();
    let mut follower = Follower::default();
    let mut store = engine.open().await;
    for step in steps {
        match step {
            Step::Append(events) => {
                let answers = append_all(&store, events.clone()).await;
                let expected = events.into_iter().map(|event| model.append(event));
                for (answer, expected) in answers.iter().zip(expected) {
                    let is_good = is_as_expected(answer, &expected);
                    assert!(is_good, "{answer:?} instead of {expected:?}");
                }
            }
            Step::Batch(events, behind) => {
                let last = model.last_of(events[0].topic.as_str());
                let expected = behind.map(|behind| (last - behind as i64).max(0));
                let batch = Batch::new(events, expected).unwrap();
                let expected = model.append_batch(&batch);
                assert_eq!(fates(store.append_batch(batch).await), expected);
            }
            Step::Trim(topics, up_to) => {
                let expected = model.trim(&topics, up_to);
                let trim = Trim::new(topics, Some(up_to), None).unwrap();
                assert_eq!(trim.run(&store).await.unwrap(), expected);
            }
            Step::Follow => follower.catch_up(&store).await,
            Step::Restart => {
                store.close().await;
                store = engine.open().await;
            }
        }
        assert_eq!(read_all(&store).await, model.there());
    }
    follower.catch_up(&store).await;
    follower.check(&model);
    for (topic, events) in model.by_topic() {
        assert_eq!(read(&store, Selection::topic(topic)).await, events);
    }
    store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_appends_trims_readers_and_restarts_give_what_the_model_gives(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for engine in engines() {
            runtime.block_on(run(&engine, steps.clone()));
        }
    }
}
