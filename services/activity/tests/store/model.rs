//! Any sequence of appends and restarts gives what a simple model gives.

use std::collections::BTreeMap;

use muster_activity::error::Error;
use muster_activity::event::{Event, NewEvent};
use muster_activity::store::{Appended, Selection};
use proptest::prelude::*;

use crate::engine::{Engine, append_all, engines, read, read_all};

/// All there is to know of a store.
#[derive(Default)]
struct Model {
    events: Vec<Event>,
}

/// What an append answers.
#[derive(Debug, PartialEq)]
enum Answer {
    Stored(Event),
    AlreadyThere(Event),
    OtherContent,
    NoIdLeft,
}

impl Model {
    fn append(&mut self, new: NewEvent) -> Answer {
        let Some(id) = new.id.clone().or_else(|| self.next_id(&new.topic)) else {
            return Answer::NoIdLeft;
        };
        let there = self
            .events
            .iter()
            .find(|event| event.topic == new.topic && event.id == id);
        match there {
            Some(event) if event.message == new.message => Answer::AlreadyThere(event.clone()),
            Some(_) => Answer::OtherContent,
            None => {
                let event = new.stored(self.events.len() as i64 + 1, id);
                self.events.push(event.clone());
                Answer::Stored(event)
            }
        }
    }

    fn next_id(&self, topic: &str) -> Option<String> {
        let ids = self.events.iter().filter(|event| event.topic == topic);
        let highest: i64 = ids
            .map(|event| event.id.parse().unwrap())
            .max()
            .unwrap_or(0);
        i32::try_from(highest.max(0) + 1)
            .ok()
            .map(|id| id.to_string())
    }

    fn by_topic(&self) -> BTreeMap<String, Vec<Event>> {
        let mut topics = BTreeMap::<_, Vec<_>>::new();
        for event in &self.events {
            topics
                .entry(event.topic.clone())
                .or_default()
                .push(event.clone());
        }
        topics
    }
}

fn answer(appended: Result<Appended, Error>) -> Answer {
    match appended {
        Ok(Appended::Stored(event)) => Answer::Stored(event),
        Ok(Appended::AlreadyThere(event)) => Answer::AlreadyThere(event),
        Err(Error::OtherContent) => Answer::OtherContent,
        Err(Error::NoIdLeft) => Answer::NoIdLeft,
        Err(error) => panic!("{error}"),
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Appended at the same time.
    Append(Vec<NewEvent>),
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

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => prop::collection::vec(new_event(), 1..12).prop_map(Step::Append),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..16)
}

async fn run(engine: &Engine, steps: Vec<Step>) {
    let mut model = Model::default();
    let mut store = engine.open().await;
    for step in steps {
        match step {
            Step::Append(events) => {
                let answers = append_all(&store, events.clone()).await;
                let answers: Vec<_> = answers.into_iter().map(answer).collect();
                let expected: Vec<_> = events.into_iter().map(|e| model.append(e)).collect();
                assert_eq!(answers, expected);
            }
            Step::Restart => {
                store.close().await;
                store = engine.open().await;
            }
        }
        assert_eq!(read_all(&store).await, model.events);
    }
    for (topic, events) in model.by_topic() {
        assert_eq!(read(&store, Selection::Topic(topic)).await, events);
    }
    store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_appends_and_restarts_give_what_the_model_gives(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for engine in engines() {
            runtime.block_on(run(&engine, steps.clone()));
        }
    }
}
