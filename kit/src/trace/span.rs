//! Pieces of work in a trace.

use std::sync::Arc;

use super::context::TraceContext;
use super::id;
use super::queue::Ended;
use super::recorder::{Recorder, recorder};
use super::wire::{SpanBytes, Value};
use crate::clock::now_ns;
use crate::work::{Place, Work};

/// How a piece of work stands to others, by OTLP's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Within a service.
    Internal = 1,
    /// The answer to a request.
    Server = 2,
    /// A request to another, until it is answered.
    Client = 3,
    /// A message to others, who take it later.
    Producer = 4,
    /// What becomes of such a message.
    Consumer = 5,
}

/// A piece of work, until it is dropped. Where nothing is recorded it only hands on the context that it is part of, and
/// costs nothing.
#[derive(Debug)]
pub struct Span {
    service: &'static str,
    context: Option<TraceContext>,
    record: Option<Record>,
}

#[derive(Debug)]
struct Record {
    recorder: &'static Recorder,
    bytes: SpanBytes,
}

impl Span {
    /// Begins work of a service that another process, or this one at another time, has asked for; or that nobody has
    /// asked for, which begins a trace.
    pub fn begin(
        service: &'static str,
        kind: Kind,
        name: &str,
        parent: Option<&TraceContext>,
    ) -> Self {
        match recorder() {
            Some(recorder) => Self::recorded(recorder, service, kind, name, parent, true),
            None => Self::unrecorded(service, parent.cloned()),
        }
    }

    /// Begins work that was asked for at another time, and kept until now with its trace; nothing if it is of none.
    pub fn resume(
        service: &'static str,
        kind: Kind,
        name: &str,
        kept: Option<&TraceContext>,
    ) -> Self {
        match kept {
            Some(kept) => Self::begin(service, kind, name, Some(kept)),
            None => Self::none(),
        }
    }

    /// Begins a part of the work that this task does; nothing if that is of no trace.
    pub fn part(kind: Kind, name: &str) -> Self {
        let Some(place) = Work::current(|work| work.place.clone()) else {
            return Self::none();
        };
        let parent = Some(&place.context);
        match recorder() {
            Some(recorder) => Self::recorded(recorder, place.service, kind, name, parent, false),
            None => Self::unrecorded(place.service, parent.cloned()),
        }
    }

    /// Of no trace.
    pub fn none() -> Self {
        Self::unrecorded("", None)
    }

    fn unrecorded(service: &'static str, context: Option<TraceContext>) -> Self {
        Self {
            service,
            context,
            record: None,
        }
    }

    fn recorded(
        recorder: &'static Recorder,
        service: &'static str,
        kind: Kind,
        name: &str,
        parent: Option<&TraceContext>,
        is_remote: bool,
    ) -> Self {
        let trace_id = parent.map_or_else(id::trace_id, |parent| parent.trace_id);
        let decided = parent.map(TraceContext::is_sampled);
        let is_taken = recorder.settings.sampler.takes(trace_id, decided);
        let context = match parent {
            Some(parent) => parent.with_span(id::span_id(), is_taken),
            None => TraceContext::root(trace_id, id::span_id(), is_taken),
        };
        if !is_taken {
            // Who works on it elsewhere is not to look for a span that is not there.
            return Self::unrecorded(service, Some(parent.cloned().unwrap_or(context)));
        }
        let mut bytes = SpanBytes::begin(&context, kind as u8, now());
        bytes.name(name);
        if let Some(parent) = parent {
            bytes.parent(parent, is_remote);
        }
        Self {
            service,
            context: Some(context),
            record: Some(Record { recorder, bytes }),
        }
    }

    /// By which others name it as their parent; where it is not recorded, what it is part of.
    pub fn context(&self) -> Option<&TraceContext> {
        self.context.as_ref()
    }

    /// Whether it is recorded: only then is it worth to find out what there is to note.
    pub fn is_recorded(&self) -> bool {
        self.record.is_some()
    }

    /// Gives it another name.
    pub fn rename(&mut self, name: &str) {
        if let Some(record) = &mut self.record {
            record.bytes.name(name);
        }
    }

    /// Notes something about it, by the name that the semantic conventions have for that.
    pub fn note(&mut self, name: &'static str, text: &str) {
        if let Some(record) = &mut self.record {
            record.bytes.attribute(name, Value::Text(text));
        }
    }

    /// Notes a number.
    pub fn note_number(&mut self, name: &'static str, number: i64) {
        if let Some(record) = &mut self.record {
            record.bytes.attribute(name, Value::Number(number));
        }
    }

    /// It serves another piece of work as well.
    pub fn link(&mut self, other: &TraceContext) {
        if let Some(record) = &mut self.record {
            record.bytes.link(other);
        }
    }

    /// It failed; `kind` is one of few words (`error.type`).
    pub fn fail(&mut self, kind: &str) {
        if let Some(record) = &mut self.record {
            record.bytes.attribute("error.type", Value::Text(kind));
            record.bytes.failed();
        }
    }

    /// Runs a future as this piece of work.
    pub fn scope<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        let request = Work::current(|work| work.request.clone());
        let place = self.place();
        Work { request, place }.scope(work)
    }

    /// For the task that does it.
    pub(crate) fn place(&self) -> Option<Arc<Place>> {
        let context = self.context.clone()?;
        let service = self.service;
        Some(Arc::new(Place { service, context }))
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(Record { recorder, bytes }) = self.record.take() {
            let (service, bytes) = (self.service, bytes.end(now()).into());
            recorder.queue.push(Ended { service, bytes });
        }
    }
}

/// Since the Unix epoch.
fn now() -> u64 {
    u64::try_from(now_ns()).unwrap_or_default()
}
