//! What the events of the load say: enough to tell afterwards whether one is whole, and whether
//! those that were sent with it are there too.

use std::collections::BTreeMap;

/// What an event says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Message {
    /// Which event of the load.
    pub(crate) number: u64,
    /// Which batch it was sent in first.
    pub(crate) batch: u64,
    /// How many events were first sent in that batch.
    pub(crate) batch_events: u64,
}

impl Message {
    /// What is in an event with this text; `None` when that is not whole.
    #[allow(dead_code)] // for who reads the events
    pub(crate) fn read(text: &str) -> Option<Message> {
        let mut numbers = text.splitn(4, ' ').map(|word| word.parse().ok());
        let mut next = || numbers.next().flatten();
        let message = Message {
            number: next()?,
            batch: next()?,
            batch_events: next()?,
        };
        (message.text() == text).then_some(message)
    }

    /// The text of the event.
    pub(crate) fn text(self) -> String {
        let Message {
            number,
            batch,
            batch_events,
        } = self;
        let filling = format!("{:016x} ", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let filling = filling.repeat(self.filling_repeats());
        format!("{number} {batch} {batch_events} {filling}")
    }

    /// Mostly short, a few that fill several pages, and those of large batches nothing.
    fn filling_repeats(self) -> usize {
        match self.number % 101 {
            _ if self.batch_events > 100 => 0,
            0 => 1_200,
            1..=10 => 40,
            other => other as usize % 9,
        }
    }

    /// The kind of the event.
    pub(crate) fn kind(self) -> String {
        format!("kind/{}", self.number % 7)
    }

    /// The attributes of the event.
    pub(crate) fn attributes(self) -> BTreeMap<String, String> {
        let all = [("number", self.number), ("batch", self.batch)];
        let some = all.into_iter().take(self.number as usize % 3);
        some.map(|(name, value)| (name.to_owned(), value.to_string()))
            .collect()
    }
}
