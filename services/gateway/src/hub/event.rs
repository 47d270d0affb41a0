//! Events on their way to sockets.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use muster_kit::trace::TraceContext;

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
    /// The trace that it was brought about in, once somebody wants to know.
    pub trace: Trace,
}

/// The trace of an event, looked for when it is first wanted.
#[derive(Debug, Default)]
pub struct Trace(OnceLock<Option<Box<TraceContext>>>);

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

    /// The trace that it was brought about in, as its envelope says; `None` where no spans are recorded.
    pub fn trace(&self) -> Option<&TraceContext> {
        if !muster_kit::trace::is_on() {
            return None;
        }
        let looked_for = || frames::trace(self).map(Box::new);
        self.trace.0.get_or_init(looked_for).as_deref()
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
