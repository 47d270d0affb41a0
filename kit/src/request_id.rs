//! The id that ties the log lines and the answer of one request together.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::work::Work;

/// The header that carries it, in and out.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A longer id from outside is replaced: it would be repeated in every log line.
const LONGEST_BYTES: usize = 128;

/// An id, as the caller gave it or our own; formatted only when somebody looks.
#[derive(Debug, Clone)]
pub enum RequestId {
    /// From the caller. Boxed: an open stream keeps its id, and hardly any has one.
    Given(Box<HeaderValue>),
    /// The number of the request in this process.
    Own(u64),
}

impl RequestId {
    /// The id that the caller sent, or a new one.
    pub fn of(headers: &HeaderMap) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(1);
        match headers.get(&HEADER) {
            Some(value) if is_fit(value) => Self::Given(Box::new(value.clone())),
            _ => Self::Own(COUNT.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// The id of the request that this task works on.
    pub fn current() -> Option<Self> {
        Work::current(|work| work.request.clone())
    }

    /// Whether the caller chose it, and so looks for it in the answer.
    pub fn is_given(&self) -> bool {
        matches!(self, Self::Given(_))
    }

    /// The id as a header's value.
    pub fn header_value(&self) -> Option<HeaderValue> {
        match self {
            Self::Given(value) => Some(HeaderValue::clone(value)),
            Self::Own(_) => HeaderValue::try_from(self.to_string()).ok(),
        }
    }
}

fn is_fit(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=LONGEST_BYTES).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// Tells the processes apart whose counts begin alike.
        static PROCESS: LazyLock<u32> =
            LazyLock::new(|| (RandomState::new().hash_one(0_u8) >> 32) as u32);
        match self {
            Self::Given(value) => write!(f, "{}", value.to_str().unwrap_or_default()),
            Self::Own(number) => write!(f, "{:08x}-{number:x}", *PROCESS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &'static str) -> RequestId {
        RequestId::of(&HeaderMap::from_iter([(
            HEADER,
            HeaderValue::from_static(value),
        )]))
    }

    #[test]
    fn the_callers_id_is_kept() {
        assert_eq!(with("abc-1").to_string(), "abc-1");
    }

    #[test]
    fn an_id_that_would_spoil_the_log_is_replaced() {
        assert!(!with("two words").is_given());
        assert!(!with("").is_given());
    }

    #[test]
    fn two_requests_have_two_ids() {
        let (one, two) = (
            RequestId::of(&HeaderMap::new()),
            RequestId::of(&HeaderMap::new()),
        );
        assert_ne!(one.to_string(), two.to_string());
    }
}
