//! Pieces of work in a trace.

use std::sync::Arc;

use super::context::TraceContext;
use super::id;
use super::recorder::{Recorder, recorder};
use super::template::Template;
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
    /// Shared with the tasks that work on it.
    place: Option<Arc<Place>>,
    record: Option<SpanBytes>,
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
        Self::begun(service, parent).named(kind, name)
    }

    /// The same as many others before.
    pub(crate) fn begin_like(
        service: &'static str,
        like: &Template,
        parent: Option<&TraceContext>,
    ) -> Self {
        let mut span = Self::begun(service, parent);
        span.note_all(like);
        span
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
        Self::begun_here().named(kind, name)
    }

    /// The same as many others before.
    pub(crate) fn part_like(like: &Template) -> Self {
        let mut span = Self::begun_here();
        span.note_all(like);
        span
    }

    fn begun(service: &'static str, parent: Option<&TraceContext>) -> Self {
        match recorder() {
            Some(recorder) => Self::recorded(recorder, service, parent, true),
            None => Self::at(parent.map(|parent| Place::new(service, parent.clone()))),
        }
    }

    fn begun_here() -> Self {
        let Some(place) = Work::current(|work| work.place.clone()) else {
            return Self::none();
        };
        match recorder() {
            Some(recorder) => {
                let parent = Some(&place.context);
                Self::recorded(recorder, place.service, parent, false)
            }
            None => Self::at(Some(place)),
        }
    }

    /// Of no trace.
    pub fn none() -> Self {
        Self::at(None)
    }

    /// Unrecorded.
    fn at(place: Option<Arc<Place>>) -> Self {
        let record = None;
        Self { place, record }
    }

    fn recorded(
        recorder: &'static Recorder,
        service: &'static str,
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
            let context = parent.cloned().unwrap_or(context);
            return Self::at(Some(Place::new(service, context)));
        }
        let mut bytes = SpanBytes::begin(&context, now());
        if let Some(parent) = parent {
            bytes.parent(parent, is_remote);
        }
        Self {
            place: Some(Place::new(service, context)),
            record: Some(bytes),
        }
    }

    fn named(mut self, kind: Kind, name: &str) -> Self {
        if let Some(record) = &mut self.record {
            record.kind(kind as u8);
            record.name(name);
        }
        self
    }

    /// By which others name it as their parent; where it is not recorded, what it is part of.
    pub fn context(&self) -> Option<&TraceContext> {
        Some(&self.place.as_ref()?.context)
    }

    /// Whether it is recorded: only then is it worth to find out what there is to note.
    pub fn is_recorded(&self) -> bool {
        self.record.is_some()
    }

    /// Gives it another name.
    pub fn rename(&mut self, name: &str) {
        if let Some(record) = &mut self.record {
            record.name(name);
        }
    }

    /// Notes something about it, by the name that the semantic conventions have for that.
    pub fn note(&mut self, name: &'static str, text: &str) {
        if let Some(record) = &mut self.record {
            record.attribute(name, Value::Text(text));
        }
    }

    /// Notes what lies ready.
    pub(crate) fn note_all(&mut self, part: &Template) {
        if let Some(record) = &mut self.record {
            record.extend(part.bytes());
        }
    }

    /// Notes at which server the work is done: `host:port`, or a host alone.
    pub(crate) fn note_server(&mut self, at: &str) {
        if self.is_recorded() {
            let (host, port) = host_and_port(at);
            self.note("server.address", host);
            if let Some(port) = port {
                self.note_number("server.port", port.into());
            }
        }
    }

    /// Notes a number.
    pub fn note_number(&mut self, name: &'static str, number: i64) {
        if let Some(record) = &mut self.record {
            record.attribute(name, Value::Number(number));
        }
    }

    /// It serves another piece of work as well.
    pub fn link(&mut self, other: &TraceContext) {
        if let Some(record) = &mut self.record {
            record.link(other);
        }
    }

    /// It failed; `kind` is one of few words (`error.type`).
    pub fn fail(&mut self, kind: &str) {
        if let Some(record) = &mut self.record {
            record.attribute("error.type", Value::Text(kind));
            record.failed();
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
        self.place.clone()
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let (Some(record), Some(place), Some(recorder)) =
            (&mut self.record, &self.place, recorder())
        {
            recorder.queue.push(place.service, record.end(now()));
        }
    }
}

/// Of an IPv6 address without its brackets. Each call asks: no searcher of `str` is as fast on so few bytes.
fn host_and_port(at: &str) -> (&str, Option<u16>) {
    let digits = at.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (before, port) = at.split_at(at.len() - digits);
    let (host, port) = match before.strip_suffix(':') {
        Some(host) if !port.is_empty() => (host, port.parse().ok()),
        _ => (at, None),
    };
    let user = host.bytes().rposition(|byte| byte == b'@');
    let host = user.map_or(host, |at| &host[at + 1..]);
    let within = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    (within.unwrap_or(host), port)
}

/// Since the Unix epoch.
fn now() -> u64 {
    u64::try_from(now_ns()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_host_and_its_port() {
        for (at, host, port) in [
            ("localhost:50051", "localhost", Some(50051)),
            ("127.0.0.1:1", "127.0.0.1", Some(1)),
            ("[::1]:65535", "::1", Some(65535)),
            ("[::1]", "::1", None),
            ("activity", "activity", None),
            ("activity7", "activity7", None),
            ("activity:", "activity:", None),
            ("ann:secret@activity:7", "activity", Some(7)),
            ("activity:65536", "activity", None),
            ("", "", None),
        ] {
            assert_eq!(host_and_port(at), (host, port), "{at:?}");
        }
    }
}
