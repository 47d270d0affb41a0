//! Events on their way to sockets.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::protocol::Frame;
use crate::protocol::frames;

/// An event of the store. Each of the forms in which sockets may want it is encoded once, and
/// shared by all.
#[derive(Debug, Default)]
pub struct Event {
    /// Its place in the order of the store.
    pub position: i64,
    /// Behind it: where who has it goes on.
    pub cursor: Arc<str>,
    /// Where it belongs.
    pub topic: Box<str>,
    /// Identifies it within its topic.
    pub id: Box<str>,
    /// What kind of event it is.
    pub kind: Box<str>,
    /// What happened; the envelope, if it is of a user's topic.
    pub message: Box<str>,
    /// More about it.
    pub attributes: BTreeMap<String, String>,
    /// When the store received it: RFC 3339.
    pub received_at: Box<str>,
    /// As its frames are made.
    pub frames: Frames,
}

/// The frames of an event, each made when it is first wanted.
#[derive(Debug, Default)]
pub struct Frames {
    message: OnceLock<Frame>,
    event: OnceLock<Frame>,
}

/// How a subscriber gets events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// What the contract says: the data of the envelope with its id and the cursor.
    Message,
    /// All that the store tells of it.
    Event,
}

impl Event {
    /// The frame of the event in a form.
    pub fn frame(&self, form: Form) -> &Frame {
        match form {
            Form::Message => self.frames.message.get_or_init(|| frames::message(self)),
            Form::Event => self.frames.event.get_or_init(|| frames::event(self)),
        }
    }

    /// What it takes in memory, about.
    pub fn bytes(&self) -> usize {
        let attributes = self
            .attributes
            .iter()
            .map(|(name, value)| name.len() + value.len());
        // Once as it is, and once in the form that is wanted most.
        2 * (self.message.len() + attributes.sum::<usize>()) + 400
    }
}
