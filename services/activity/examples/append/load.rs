//! One of those that append at the same time.

use futures_util::future::try_join_all;
use muster_activity::batch::{BATCH_LIMIT_EVENTS, Batch, Fate};
use muster_activity::event::NewEvent;
use muster_activity::selection::Topics;
use muster_activity::store::{Appended, Store};
use muster_activity::topic::Topic;
use muster_activity::trim::Trim;
use muster_testkit::Dice;

use crate::message::Message;
use crate::told::Told;
use crate::{Failure, Numbers};

const TOPICS: usize = 40;
/// So many of the batches that were sent are kept, to be sent again.
const KEPT_BATCHES: usize = 64;

/// Somebody who appends.
pub(crate) struct Writer {
    /// Which of them.
    name: usize,
    dice: Dice,
    /// The last position of the topic that it alone appends to.
    chain: i64,
    /// The last position of the topic that it alone trims.
    trimmable: i64,
    sent: Vec<(Batch, Vec<i64>)>,
}

impl Writer {
    pub(crate) fn new(name: usize, dice: Dice) -> Writer {
        Writer {
            name,
            dice,
            chain: 0,
            trimmable: 0,
            sent: Vec::new(),
        }
    }

    /// Does one thing of those that a client may do, and tells what was acknowledged. A new thing
    /// gets its line here, and its word in `told.rs`.
    pub(crate) async fn step(&mut self, store: &Store, numbers: &Numbers) -> Result<(), Failure> {
        let mut told = Told::default();
        match self.dice.within(0..11) {
            0..4 => self.singles(store, numbers, &mut told).await?,
            4..7 => {
                let messages = numbers.messages(self.dice.within(1..13));
                self.batch(store, messages, &mut told).await?;
            }
            7..9 => self.chain(store, numbers, &mut told).await?,
            9 => self.trim(store, numbers, &mut told).await?,
            _ => self.repeat(store, &mut told).await?,
        }
        Ok(told.print()?)
    }

    /// Events of deployments, each for itself; the store gives half of them their ids.
    async fn singles(
        &mut self,
        store: &Store,
        numbers: &Numbers,
        told: &mut Told,
    ) -> Result<(), Failure> {
        let messages = (0..self.dice.within(1..5)).flat_map(|_| numbers.messages(1));
        let events = messages.map(|message| {
            let topic = format!("deployment/{}", self.name);
            match self.dice.once_in(2) {
                true => event(&topic, None, message),
                false => event(
                    &format!("{topic}0"),
                    Some(message.number.to_string()),
                    message,
                ),
            }
        });
        let events: Vec<NewEvent> = events.collect::<Result<_, _>>()?;
        let appends = events.into_iter().map(|event| store.append(event));
        for appended in try_join_all(appends).await? {
            match appended {
                Appended::Stored(event) => told.acked(&event.topic, &event.id, event.position),
                Appended::AlreadyThere(event) | Appended::Removed(event) => {
                    return Err(format!("{event:?} is there already").into());
                }
            }
        }
        Ok(())
    }

    /// A batch as large as can be, and tells what was acknowledged.
    pub(crate) async fn bulk(&mut self, store: &Store, numbers: &Numbers) -> Result<(), Failure> {
        let mut told = Told::default();
        self.batch(store, numbers.messages(BATCH_LIMIT_EVENTS), &mut told)
            .await?;
        Ok(told.print()?)
    }

    /// A batch over several topics: ids that ascend in some, ids in any order in the others.
    async fn batch(
        &mut self,
        store: &Store,
        messages: impl Iterator<Item = Message>,
        told: &mut Told,
    ) -> Result<(), Failure> {
        let events = messages.map(|message| {
            let topic = self.dice.within(0..TOPICS);
            match self.dice.once_in(2) {
                true => event(&format!("log/{topic}"), Some(ascending(message)), message),
                false => event(&format!("user/{topic}"), Some(scattered(message)), message),
            }
        });
        let events = events.collect::<Result<_, _>>()?;
        self.send(store, Batch::new(events, None)?, told).await
    }

    /// A batch behind the last one of this writer's own topic.
    async fn chain(
        &mut self,
        store: &Store,
        numbers: &Numbers,
        told: &mut Told,
    ) -> Result<(), Failure> {
        let topic = format!("chain/{}", self.name);
        let messages = numbers.messages(self.dice.within(1..9));
        let events = messages.map(|message| event(&topic, Some(ascending(message)), message));
        let events = events.collect::<Result<_, _>>()?;
        self.send(store, Batch::new(events, Some(self.chain))?, told)
            .await?;
        let (_, positions) = self.sent.last().ok_or("nothing was sent")?;
        self.chain = *positions.last().ok_or("an empty batch was sent")?;
        Ok(())
    }

    /// Events of this writer's own, and in half of all cases the end of those that came before.
    async fn trim(
        &mut self,
        store: &Store,
        numbers: &Numbers,
        told: &mut Told,
    ) -> Result<(), Failure> {
        let topic = format!("trim/{}", self.name);
        let messages = numbers.messages(self.dice.within(1..9));
        let events = messages.map(|message| event(&topic, Some(telling(message)), message));
        let events = events.collect::<Result<_, _>>()?;
        let positions = send(store, &Batch::new(events, None)?, told).await?;
        if self.dice.once_in(2) {
            // Before it begins: from now on they may be gone.
            let mut begun = Told::default();
            begun.trimming(&topic, self.trimmable);
            begun.print()?;
            let topics = Topics::One(topic.clone());
            Trim::new(topics, Some(self.trimmable), None)?
                .run(store)
                .await?;
            told.trimmed(&topic, self.trimmable);
        }
        self.trimmable = *positions.last().ok_or("an empty batch was sent")?;
        Ok(())
    }

    async fn send(&mut self, store: &Store, batch: Batch, told: &mut Told) -> Result<(), Failure> {
        let positions = send(store, &batch, told).await?;
        if self.sent.len() == KEPT_BATCHES {
            self.sent.swap_remove(0);
        }
        self.sent.push((batch, positions));
        Ok(())
    }

    /// A batch that was sent before.
    async fn repeat(&mut self, store: &Store, told: &mut Told) -> Result<(), Failure> {
        if self.sent.is_empty() {
            return Ok(());
        }
        let (batch, positions) = self.dice.one_of(&self.sent);
        let fates = store.append_batch(batch.clone()).await?;
        let expected = positions
            .iter()
            .map(|position| Fate::AlreadyThere(*position));
        if !fates.iter().copied().eq(expected) {
            return Err(format!("{fates:?} of what is at {positions:?}").into());
        }
        told.all_acked(batch, positions);
        Ok(())
    }
}

/// Appends a batch of new events: where they are.
async fn send(store: &Store, batch: &Batch, told: &mut Told) -> Result<Vec<i64>, Failure> {
    let mut positions = Vec::new();
    for fate in store.append_batch(batch.clone()).await? {
        match fate {
            Fate::Stored(position) => positions.push(position),
            other => return Err(format!("{other:?} of a new event").into()),
        }
    }
    told.all_acked(batch, &positions);
    Ok(positions)
}

/// From which the message can be had again when the event is gone.
fn telling(message: Message) -> String {
    let Message {
        number,
        batch,
        batch_events,
    } = message;
    format!("{number}-{batch}-{batch_events}")
}

fn ascending(message: Message) -> String {
    format!("{:012}", message.number)
}

fn scattered(message: Message) -> String {
    format!("{:016x}", Dice::new(message.number).number())
}

fn event(topic: &str, id: Option<String>, message: Message) -> Result<NewEvent, Failure> {
    let event = NewEvent {
        topic: Topic::parse(topic.to_owned())?,
        id,
        kind: message.kind(),
        message: message.text(),
        attributes: message.attributes(),
        send_ns: message.number as i64,
        receive_ns: message.number as i64 + 1,
    };
    Ok(event.checked()?)
}
