//! The context of a trace, as it is handed on: W3C Trace Context. <https://www.w3.org/TR/trace-context>

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::work::{Place, Work};

/// The headers that carry it, and the names of all else that does.
pub(crate) const PARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const STATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-` 32 digits `-` 16 digits `-` 2 digits.
const PARENT_BYTES: usize = 55;
/// A longer state is left out: it would be handed on with everything.
const STATE_BYTES: usize = 512;
const SAMPLED: u8 = 1;
/// The flags that are known: sampled, and an id that is random.
const FLAGS: u8 = 3;

/// A place in a trace: a span, by which others name it as their parent.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceContext {
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    flags: u8,
    /// What others add to it, handed on as it is.
    state: Option<Arc<str>>,
}

impl TraceContext {
    /// From `traceparent` and `tracestate`; `None` where the first is none. A state that is none is left out.
    pub fn parse(parent: &str, state: Option<&str>) -> Option<Self> {
        let bytes = parent.as_bytes();
        let (version, rest) = (hex(bytes.get(..2)?)?, bytes.get(PARENT_BYTES..)?);
        // A later version may have more behind it.
        let is_whole = rest.is_empty() || version > 0 && rest[0] == b'-';
        let has_dashes = [2, 35, 52].iter().all(|at| bytes[*at] == b'-');
        if version == 0xff || !is_whole || !has_dashes {
            return None;
        }
        let context = Self {
            trace_id: hex(&bytes[3..35])?,
            span_id: hex(&bytes[36..52])? as u64,
            flags: hex(&bytes[53..55])? as u8 & FLAGS,
            state: state.filter(|state| is_state(state)).map(Arc::from),
        };
        (context.trace_id != 0 && context.span_id != 0).then_some(context)
    }

    /// From where it was kept: in a row, or an envelope.
    pub fn read(parent: Option<&str>, state: Option<&str>) -> Option<Self> {
        Self::parse(parent?, state)
    }

    /// What a request brings; `None` if it brings nothing that can be followed.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut parents = headers.get_all(PARENT).iter();
        let parent = parents.next()?.to_str().ok()?;
        if parents.next().is_some() {
            return None;
        }
        let states: Vec<&str> = headers
            .get_all(STATE)
            .iter()
            .filter_map(|state| state.to_str().ok())
            .collect();
        Self::parse(parent, Some(&states.join(",")))
    }

    /// That of the work that this task does.
    pub fn current() -> Option<Self> {
        Work::current(|work| Some(work.place.as_ref()?.context.clone()))
    }

    /// Runs a function as a part of a service's work in this trace: what it logs has the trace's id.
    pub fn scope<T>(&self, service: &'static str, work: impl FnOnce() -> T) -> T {
        let place = Some(Place::new(service, self.clone()));
        let request = Work::current(|work| work.request.clone());
        Work { request, place }.sync_scope(work)
    }

    /// A new trace, in which nothing is recorded yet.
    pub(super) fn root(trace_id: u128, span_id: u64, is_sampled: bool) -> Self {
        let flags = if is_sampled { FLAGS } else { FLAGS - SAMPLED };
        Self {
            trace_id,
            span_id,
            flags,
            state: None,
        }
    }

    /// Another span of the same trace.
    pub(super) fn with_span(&self, span_id: u64, is_sampled: bool) -> Self {
        let sampled = if is_sampled { SAMPLED } else { 0 };
        Self {
            span_id,
            flags: self.flags & !SAMPLED | sampled,
            ..self.clone()
        }
    }

    pub(super) fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether spans of the trace are recorded.
    pub fn is_sampled(&self) -> bool {
        self.flags & SAMPLED != 0
    }

    /// The trace, in 32 digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace_id)
    }

    /// The span, in 16 digits.
    pub fn span_id(&self) -> String {
        format!("{:016x}", self.span_id)
    }

    /// As `traceparent` has it.
    pub fn parent(&self) -> String {
        format!(
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.span_id, self.flags
        )
    }

    /// As `tracestate` has it, if there is one.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Puts it into the headers of a request, unless they have one already.
    pub(crate) fn put(&self, headers: &mut HeaderMap) {
        if headers.contains_key(PARENT) {
            return;
        }
        if let Ok(parent) = HeaderValue::try_from(self.parent()) {
            headers.insert(PARENT, parent);
        }
        let state = self.state().map(HeaderValue::from_str);
        headers.extend(state.and_then(Result::ok).map(|state| (STATE, state)));
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parent())
    }
}

/// The number that lower-case digits spell.
fn hex(digits: &[u8]) -> Option<u128> {
    digits.iter().try_fold(0, |number: u128, digit| {
        let value = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(number << 4 | u128::from(value))
    })
}

fn is_state(state: &str) -> bool {
    let is_fit = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    (1..=STATE_BYTES).contains(&state.len()) && state.bytes().all(is_fit) && state.contains('=')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(HeaderName, &'static str)| {
            (name.clone(), HeaderValue::from_static(value))
        };
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.iter().map(pair) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_context_is_read_as_it_is_written() {
        let context = TraceContext::parse(PARENT, Some("a=1,b=2")).unwrap();
        assert_eq!(context.trace_id(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(context.span_id(), "b7ad6b7169203331");
        assert!(context.is_sampled());
        assert_eq!(
            (&*context.parent(), context.state()),
            (PARENT, Some("a=1,b=2"))
        );
        let mut sent = HeaderMap::new();
        context.put(&mut sent);
        assert_eq!(TraceContext::of(&sent), Some(context));
    }

    #[test]
    fn what_is_no_context_is_ignored() {
        let (zero_trace, zero_span) = (
            format!("00-{}-b7ad6b7169203331-01", "0".repeat(32)),
            format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", "0".repeat(16)),
        );
        for bad in [
            "",
            "00",
            &PARENT[..54],
            &PARENT.to_uppercase(),
            &PARENT.replacen("00", "ff", 1),
            &PARENT.replace('-', "_"),
            &format!("{PARENT}-more"),
            &zero_trace,
            &zero_span,
        ] {
            assert_eq!(TraceContext::parse(bad, None), None, "{bad:?}");
        }
        assert_eq!(TraceContext::of(&HeaderMap::new()), None);
        let two = headers(&[(super::PARENT, PARENT), (super::PARENT, PARENT)]);
        assert_eq!(TraceContext::of(&two), None);
    }

    #[test]
    fn a_later_version_may_have_more_behind_it_and_a_bad_state_spoils_nothing() {
        let later = PARENT.replacen("00", "cc", 1);
        for later in [later.clone(), format!("{later}-more")] {
            let context = TraceContext::parse(&later, None).unwrap();
            assert_eq!(context.parent(), PARENT);
        }
        for state in ["", "no pair", "a=\u{7f}", &"a=1,".repeat(200)] {
            let context = TraceContext::parse(PARENT, Some(state)).unwrap();
            assert_eq!(context.state(), None, "{state:?}");
        }
        let two = headers(&[(super::PARENT, PARENT), (STATE, "a=1"), (STATE, "b=2")]);
        assert_eq!(TraceContext::of(&two).unwrap().state(), Some("a=1,b=2"));
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_is_beyond_reading(parent in "\\PC{0,80}", state in "\\PC{0,80}") {
            if let Some(context) = TraceContext::parse(&parent, Some(&state)) {
                prop_assert_eq!(
                    TraceContext::parse(&context.parent(), context.state()),
                    Some(context)
                );
            }
        }
    }
}
