//! What was promised at the moment of a cut.

use std::collections::HashMap;

use crate::told::{Acked, Told, Trim};

/// The highest position of a topic up to which its events are removed.
type Trims<'r> = HashMap<&'r str, i64>;

/// What was told before the cut, and what would have been told after it.
#[derive(Debug, Default)]
pub(crate) struct Promised<'r> {
    /// The store's id.
    pub(crate) id: Option<&'r str>,
    /// Events that were acknowledged.
    pub(crate) acked: Vec<&'r Acked>,
    /// Events that would have been.
    pub(crate) to_come: Vec<&'r Acked>,
    trimming: Trims<'r>,
    trimmed: Trims<'r>,
}

impl<'r> Promised<'r> {
    /// What was told before a moment, and what after it.
    pub(crate) fn at(told: &'r [(usize, Told)], at: usize) -> Promised<'r> {
        let mut promised = Promised::default();
        for (begun, told) in told {
            match told {
                Told::Acked(acked) if *begun >= at => promised.to_come.push(acked),
                _ if *begun >= at => {}
                Told::Opened(id) => promised.id = Some(id),
                Told::Acked(acked) => promised.acked.push(acked),
                Told::Trimming(trim) => add(&mut promised.trimming, trim),
                Told::Trimmed(trim) => add(&mut promised.trimmed, trim),
            }
        }
        promised
    }

    /// Whether the event at this position may have been removed.
    pub(crate) fn may_be_gone(&self, topic: &str, position: i64) -> bool {
        has(&self.trimming, topic, position)
    }

    /// Whether it must have been.
    pub(crate) fn must_be_gone(&self, topic: &str, position: i64) -> bool {
        has(&self.trimmed, topic, position)
    }
}

fn add<'r>(trims: &mut Trims<'r>, trim: &'r Trim) {
    let up_to = trims.entry(&trim.topic).or_default();
    *up_to = trim.up_to.max(*up_to);
}

fn has(trims: &Trims<'_>, topic: &str, position: i64) -> bool {
    trims.get(topic).is_some_and(|up_to| position <= *up_to)
}
