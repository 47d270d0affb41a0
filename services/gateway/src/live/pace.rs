//! How fast a client may send.

use std::time::Instant;

/// What a client may send at once, and in a second on the average.
const BURST: f32 = 2_000.0;
const PER_S: f32 = 100.0;
/// What a message counts that is none of the protocol.
const BAD: f32 = 20.0;

/// A token bucket of messages.
#[derive(Debug)]
pub(super) struct Pace {
    tokens: f32,
    refilled: Instant,
}

/// A client sends more than it may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooFast;

impl Pace {
    pub(super) fn new() -> Pace {
        Pace {
            tokens: BURST,
            refilled: Instant::now(),
        }
    }

    /// A message has come.
    pub(super) fn message(&mut self) -> Result<(), TooFast> {
        self.take(1.0)
    }

    /// It was none of the protocol.
    pub(super) fn bad(&mut self) -> Result<(), TooFast> {
        self.take(BAD)
    }

    fn take(&mut self, tokens: f32) -> Result<(), TooFast> {
        let now = Instant::now();
        let came = PER_S * (now - self.refilled).as_secs_f32();
        self.refilled = now;
        self.tokens = (self.tokens + came).min(BURST) - tokens;
        if self.tokens < 0.0 {
            Err(TooFast)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_bad_messages_ends_long_before_one_of_good_ones() {
        let count = |mut take: Box<dyn FnMut() -> Result<(), TooFast>>| {
            (0..100_000).take_while(|_| take().is_ok()).count()
        };
        let (mut good, mut bad) = (Pace::new(), Pace::new());
        assert!(count(Box::new(move || good.message())) >= 2_000);
        assert!((100..150).contains(&count(Box::new(move || bad.bad()))));
    }
}
