//! Whether a store that was found after a power cut is what it must be.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use muster_activity::batch::{BATCH_LIMIT_EVENTS, Batch, Fate};
use muster_activity::event::{Event, NewEvent};
use muster_activity::selection::Selection;
use muster_activity::store::{Appended, Store, Window};
use muster_activity::topic::Topic;
use muster_kit::health::Health;
use muster_kit::store::SqliteUrl;
use muster_testkit::Dice;

use crate::message::Message;
use crate::promised::Promised;
use crate::told::Acked;

/// So many of the events that are there are sent again, and so many of those that are not.
const REPEATED: usize = 400;
/// So many topics are read by themselves.
const TOPICS: usize = 4;

/// What is wrong with it.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// It does not open.
    Refused(String),
    /// It cannot be read.
    Unreadable(String),
    /// What was acknowledged is not there.
    Lost(String),
    /// An event is there that was never sent like this, or a part of a batch.
    Damaged(String),
    /// An event is there twice, or would be stored again.
    Twice(String),
    /// It does not go on.
    Stuck(String),
}

impl Fault {
    /// Whether something is gone or changed that was acknowledged.
    pub(crate) fn is_loss(&self) -> bool {
        matches!(self, Fault::Lost(_) | Fault::Damaged(_))
    }
}

/// Opens what lies in the folder, and looks whether it keeps what was promised.
pub(crate) fn check(folder: &Path, promised: &Promised<'_>, dice: &mut Dice) -> Result<(), Fault> {
    let path = folder.join("activity.db");
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    runtime.block_on(async {
        let url = SqliteUrl(path.clone());
        let opened = Store::open(&url, Health::default().need("store")).await;
        let store = opened.map_err(|error| Fault::Refused(error.to_string()))?;
        let checked = check_store(&store, promised, dice).await;
        store.close().await;
        checked
    })?;
    integrity(&path)
}

async fn check_store(store: &Store, promised: &Promised<'_>, dice: &mut Dice) -> Result<(), Fault> {
    let events = read(store, Selection::prefix("")).await?;
    let found = by_identity(&events)?;
    let gone = gone(&found, promised)?;
    let id = store.id().to_string();
    if promised.id.is_some_and(|promised| promised != id) {
        return Err(Fault::Lost(format!("another store: {id}")));
    }
    let last_position = store.last_position();
    positions_have_no_holes(&events, &gone, last_position)?;
    batches_are_whole(&events)?;
    topics_are_whole(store, &events, dice).await?;
    repeated_is_there(store, &events, dice).await?;
    trimmed_is_known(store, &gone).await?;
    goes_on(store, &events, last_position + 1).await?;
    let lost = promised.to_come.iter().copied();
    let lost = lost.filter(|acked| !found.contains_key(&(acked.topic.as_str(), &acked.id)));
    lost_is_stored(store, lost, last_position + 2).await
}

/// All that was acknowledged is there, but for what may have been removed: that.
fn gone<'r>(
    found: &HashMap<Identity<'_>, &Event>,
    promised: &Promised<'r>,
) -> Result<Vec<&'r Acked>, Fault> {
    let must_be_gone = |event: &&&Event| promised.must_be_gone(&event.topic, event.position);
    if let Some(event) = found.values().find(must_be_gone) {
        return Err(Fault::Damaged(format!("{event:?} was removed")));
    }
    let mut gone = Vec::new();
    for acked in &promised.acked {
        match found.get(&(acked.topic.as_str(), acked.id.as_str())) {
            Some(event) if event.position == acked.position => {}
            None if promised.may_be_gone(&acked.topic, acked.position) => gone.push(*acked),
            there => return Err(Fault::Lost(format!("{acked:?}: there is {there:?}"))),
        }
    }
    Ok(gone)
}

async fn read(store: &Store, selection: Selection) -> Result<Vec<Event>, Fault> {
    let selection = Arc::new(selection);
    let mut events = Vec::new();
    let mut rest = Some(Window::forwards(0, store.last_position()));
    while let Some(window) = rest {
        let page = store.page(&selection, window).await;
        let page = page.map_err(|error| Fault::Unreadable(error.to_string()))?;
        events.extend(page.events);
        rest = page.next.map(|next| window.from(next));
    }
    Ok(events)
}

type Identity<'e> = (&'e str, &'e str);

fn by_identity(events: &[Event]) -> Result<HashMap<Identity<'_>, &Event>, Fault> {
    let mut found = HashMap::new();
    for event in events {
        let identity = (event.topic.as_str(), event.id.as_str());
        if let Some(other) = found.insert(identity, event) {
            return Err(Fault::Twice(format!("{event:?} and {other:?}")));
        }
    }
    Ok(found)
}

/// What was stored is what came first.
fn positions_have_no_holes(
    events: &[Event],
    gone: &[&Acked],
    last_position: i64,
) -> Result<(), Fault> {
    let there = events.iter().map(|event| event.position);
    let mut positions: Vec<i64> = gone.iter().map(|acked| acked.position).collect();
    positions.extend(there);
    positions.sort_unstable();
    if positions.into_iter().eq(1..=last_position) {
        return Ok(());
    }
    let (events, gone) = (events.len(), gone.len());
    let what = format!("{events} events and {gone} removed up to {last_position}");
    Err(Fault::Lost(what))
}

/// Each event says what was sent, and those of a batch are there together. (Those that are
/// trimmed go by themselves.)
fn batches_are_whole(events: &[Event]) -> Result<(), Fault> {
    let mut batches = HashMap::<_, u64>::new();
    for event in events {
        let message = Message::read(&event.message).filter(|message| is_whole(event, message));
        let message = message.ok_or_else(|| Fault::Damaged(format!("{event:?}")))?;
        if !event.topic.starts_with("trim/") {
            *batches
                .entry((message.batch, message.batch_events))
                .or_default() += 1;
        }
    }
    for ((batch, sent), there) in batches {
        if sent != there {
            let part = format!("{there} of {sent} events of batch {batch}");
            return Err(Fault::Damaged(part));
        }
    }
    Ok(())
}

fn is_whole(event: &Event, message: &Message) -> bool {
    event.kind == message.kind()
        && event.attributes == message.attributes()
        && event.send_ns == message.number as i64
        && event.receive_ns == message.number as i64 + 1
}

/// A topic has the same events when it is read by itself.
async fn topics_are_whole(store: &Store, events: &[Event], dice: &mut Dice) -> Result<(), Fault> {
    for _ in 0..TOPICS.min(events.len()) {
        let topic = &dice.one_of(events).topic;
        let of_topic = read(store, Selection::topic(topic)).await?;
        let expected = events.iter().filter(|event| event.topic == *topic);
        if !of_topic.iter().eq(expected) {
            let what = format!("{topic} by itself has {} events", of_topic.len());
            return Err(Fault::Damaged(what));
        }
    }
    Ok(())
}

/// Who sends again what is there, whether it was acknowledged or not, is told where it is.
async fn repeated_is_there(store: &Store, events: &[Event], dice: &mut Dice) -> Result<(), Fault> {
    let last = events.iter().rev().take(REPEATED / 2);
    let any = (0..REPEATED / 2).filter_map(|_| events.get(dice.within(0..events.len())));
    let repeated: Vec<&Event> = last.chain(any).collect();
    let sent = repeated
        .iter()
        .map(|event| new(&event.topic, &event.id, event));
    for (fate, event) in append(store, sent).await?.into_iter().zip(repeated) {
        if fate != Fate::AlreadyThere(event.position) {
            return Err(Fault::Twice(format!("{fate:?} of {event:?}, sent again")));
        }
    }
    Ok(())
}

/// Who sends again what was removed is told where it was.
async fn trimmed_is_known(store: &Store, gone: &[&Acked]) -> Result<(), Fault> {
    let last: Vec<&&Acked> = gone.iter().rev().take(REPEATED).collect();
    let sent = last.iter().map(|acked| {
        let numbers = acked.id.split('-').map(|number| number.parse().unwrap());
        let [number, batch, batch_events] = numbers.collect::<Vec<_>>()[..] else {
            panic!("the id of a trimmed event is {}", acked.id);
        };
        let message = Message {
            number,
            batch,
            batch_events,
        };
        NewEvent {
            topic: Topic::parse(acked.topic.clone()).unwrap(),
            id: Some(acked.id.clone()),
            kind: message.kind(),
            message: message.text(),
            attributes: message.attributes(),
            send_ns: 0,
            receive_ns: 0,
        }
    });
    for (fate, acked) in append(store, sent).await?.into_iter().zip(last) {
        if fate != Fate::AlreadyThere(acked.position) {
            return Err(Fault::Twice(format!("{fate:?} of {acked:?}, removed")));
        }
    }
    Ok(())
}

/// A new event gets the next position, and the next number as its id.
async fn goes_on(store: &Store, events: &[Event], position: i64) -> Result<(), Fault> {
    let numbers = events.iter().filter(|event| event.topic == "deployment/0");
    let highest = numbers
        .filter_map(|event| event.id.parse::<i32>().ok())
        .max();
    let event = NewEvent::of_deployment(0, 0, "goes on".into(), 0, 0).unwrap();
    let appended = store.append(event).await;
    let next = (position, (highest.unwrap_or(0) + 1).to_string());
    match appended {
        Ok(Appended::Stored(event)) if (event.position, event.id.clone()) == next => Ok(()),
        other => Err(Fault::Stuck(format!("{other:?} instead of {next:?}"))),
    }
}

/// What was on its way and is not there is taken when it is sent again.
async fn lost_is_stored(
    store: &Store,
    lost: impl Iterator<Item = &Acked>,
    first_position: i64,
) -> Result<(), Fault> {
    let other = NewEvent::of_deployment(0, 1, "sent again".into(), 0, 0).unwrap();
    let other = other.stored(0, String::new());
    let mut seen = HashSet::from([("deployment/0", "")]);
    // The store gave another event the next number meanwhile.
    let lost = lost.filter(|acked| acked.topic != "deployment/0");
    let lost = lost.filter(|acked| seen.insert((acked.topic.as_str(), acked.id.as_str())));
    let sent = lost.map(|acked| new(&acked.topic, &acked.id, &other));
    let fates = append(store, sent.take(REPEATED)).await?;
    let expected = (first_position..).map(Fate::Stored).take(fates.len());
    match fates.iter().copied().eq(expected) {
        true => Ok(()),
        false => Err(Fault::Stuck(format!("{fates:?} of what was lost"))),
    }
}

async fn append(store: &Store, events: impl Iterator<Item = NewEvent>) -> Result<Vec<Fate>, Fault> {
    let events: Vec<NewEvent> = events.take(BATCH_LIMIT_EVENTS).collect();
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let batch = Batch::new(events, None).unwrap();
    let fates = store.append_batch(batch).await;
    fates.map_err(|error| Fault::Stuck(error.to_string()))
}

/// The content of an event under an identity.
fn new(topic: &str, id: &str, event: &Event) -> NewEvent {
    NewEvent {
        topic: Topic::parse(topic.to_owned()).unwrap(),
        id: Some(id.to_owned()),
        kind: event.kind.clone(),
        message: event.message.clone(),
        attributes: event.attributes.clone(),
        send_ns: 0,
        receive_ns: 0,
    }
}

/// What SQLite itself finds in its file.
fn integrity(path: &Path) -> Result<(), Fault> {
    let found = rusqlite::Connection::open(path)
        .and_then(|database| database.pragma_query_value(None, "integrity_check", |row| row.get(0)))
        .unwrap_or_else(|error| error.to_string());
    match found.as_str() {
        "ok" => Ok(()),
        _ => Err(Fault::Damaged(found)),
    }
}
