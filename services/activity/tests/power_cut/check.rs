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
use muster_kit::store::StoreUrl;
use muster_testkit::Dice;

use crate::message::Message;
use crate::told::{Acked, Told};

/// So many of the events that are there are sent again, and so many of those that are not.
const REPEATED: usize = 400;

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

/// What was told before the cut, and what would have been told after it.
#[derive(Debug, Default)]
pub(crate) struct Promised<'r> {
    id: Option<&'r str>,
    acked: Vec<&'r Acked>,
    to_come: Vec<&'r Acked>,
}

impl<'r> Promised<'r> {
    /// What was told before a moment, and what after it.
    pub(crate) fn at(told: &'r [(usize, Told)], at: usize) -> Promised<'r> {
        let mut promised = Promised::default();
        for (begun, told) in told {
            match told {
                Told::Opened(id) if *begun < at => promised.id = Some(id),
                Told::Opened(_) => {}
                Told::Acked(acked) if *begun < at => promised.acked.push(acked),
                Told::Acked(acked) => promised.to_come.push(acked),
            }
        }
        promised
    }
}

/// Opens what lies in the folder, and looks whether it keeps what was promised.
pub(crate) fn check(folder: &Path, promised: &Promised<'_>, dice: &mut Dice) -> Result<(), Fault> {
    let path = folder.join("activity.db");
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.build().unwrap();
    runtime.block_on(async {
        let url = StoreUrl::Sqlite(path.clone());
        let opened = Store::open(&url, Health::default().need("store")).await;
        let store = opened.map_err(|error| Fault::Refused(error.to_string()))?;
        let checked = check_store(&store, promised, dice).await;
        store.close().await;
        checked
    })?;
    integrity(&path)
}

async fn check_store(store: &Store, promised: &Promised<'_>, dice: &mut Dice) -> Result<(), Fault> {
    let id = store.id().to_string();
    if promised.id.is_some_and(|promised| promised != id) {
        return Err(Fault::Lost(format!("another store: {id}")));
    }
    let events = read(store).await?;
    let found = by_identity(&events)?;
    positions_have_no_holes(&events, store.last_position())?;
    batches_are_whole(&events)?;
    for acked in &promised.acked {
        match found.get(&(acked.topic.as_str(), acked.id.as_str())) {
            Some(event) if event.position == acked.position => {}
            there => return Err(Fault::Lost(format!("{acked:?}: there is {there:?}"))),
        }
    }
    repeated_is_there(store, &events, dice).await?;
    goes_on(store, &events).await?;
    let lost = promised.to_come.iter().copied();
    let lost = lost.filter(|acked| !found.contains_key(&(acked.topic.as_str(), &acked.id)));
    lost_is_stored(store, lost, events.len() as i64 + 2).await
}

async fn read(store: &Store) -> Result<Vec<Event>, Fault> {
    let selection = Arc::new(Selection::prefix(""));
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

/// What is there is what came first. (A store that was trimmed begins later.)
fn positions_have_no_holes(events: &[Event], last_position: i64) -> Result<(), Fault> {
    let positions = events.iter().map(|event| event.position);
    if positions.eq(1..=last_position) {
        return Ok(());
    }
    let count = events.len();
    Err(Fault::Lost(format!("{count} events up to {last_position}")))
}

/// Each event says what was sent, and those of a batch are there together.
fn batches_are_whole(events: &[Event]) -> Result<(), Fault> {
    let mut batches = HashMap::<_, u64>::new();
    for event in events {
        let message = Message::read(&event.message).filter(|message| is_whole(event, message));
        let message = message.ok_or_else(|| Fault::Damaged(format!("{event:?}")))?;
        *batches
            .entry((message.batch, message.batch_events))
            .or_default() += 1;
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

/// A new event gets the next position, and the next number as its id.
async fn goes_on(store: &Store, events: &[Event]) -> Result<(), Fault> {
    let numbers = events.iter().filter(|event| event.topic == "deployment/0");
    let highest = numbers
        .filter_map(|event| event.id.parse::<i32>().ok())
        .max();
    let event = NewEvent::of_deployment(0, 0, "goes on".into(), 0, 0).unwrap();
    let appended = store.append(event).await;
    let next = (
        events.len() as i64 + 1,
        (highest.unwrap_or(0) + 1).to_string(),
    );
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
