//! A figure, beside its peer and its target.

use crate::sample::Sample;

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Events (or calls) a second.
    PerSecond,
    /// Seconds.
    Time,
    /// Bytes of a whole process.
    Memory,
    /// Bytes of one of many.
    Bytes,
    /// How many.
    Count,
}

/// What must be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    /// Nothing: told for comparison.
    Nothing,
    /// So much.
    AtLeast(f64),
    /// No more than that.
    AtMost(f64),
    /// So many times the peer's figure.
    TimesPeer(f64),
    /// More than the peer's figure.
    AheadOfPeer,
    /// No more than so many times the peer's figure.
    AtMostTimesPeer(f64),
}

/// One row of the results.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) what: String,
    pub(crate) unit: Unit,
    pub(crate) measured: Sample,
    /// Who did the same, and what it took or gave.
    pub(crate) peer: Option<(&'static str, Sample)>,
    pub(crate) target: Target,
}

impl Figure {
    pub(crate) fn new(what: impl Into<String>, unit: Unit, measured: &Sample) -> Figure {
        Figure {
            what: what.into(),
            unit,
            measured: measured.clone(),
            peer: None,
            target: Target::Nothing,
        }
    }

    /// Sets it beside a peer.
    pub(crate) fn beside(mut self, peer: &'static str, measured: &Sample) -> Figure {
        self.peer = Some((peer, measured.clone()));
        self
    }

    pub(crate) fn target(mut self, target: Target) -> Figure {
        self.target = target;
        self
    }

    /// How many times the peer's figure it is.
    pub(crate) fn ratio(&self) -> Option<f64> {
        let (_, peer) = self.peer.as_ref()?;
        Some(self.measured.median() / peer.median())
    }

    /// Whether the target is reached; `None` where there is none.
    pub(crate) fn is_reached(&self) -> Option<bool> {
        let measured = self.measured.median();
        match self.target {
            Target::Nothing => None,
            Target::AtLeast(least) => Some(measured >= least),
            Target::AtMost(most) => Some(measured <= most),
            Target::TimesPeer(times) => Some(self.ratio()? >= times),
            Target::AheadOfPeer => Some(self.ratio()? > 1.0),
            Target::AtMostTimesPeer(times) => Some(self.ratio()? <= times),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn reached(measured: f64, peer: Option<f64>, target: Target) -> Option<bool> {
        let sample = |figure| Sample::of(vec![figure]).unwrap();
        let mut figure = Figure::new("x", Unit::PerSecond, &sample(measured)).target(target);
        if let Some(peer) = peer {
            figure = figure.beside("peer", &sample(peer));
        }
        figure.is_reached()
    }

    #[test]
    fn a_target_is_reached_at_its_value_and_missed_beyond() {
        use Target::{AheadOfPeer, AtLeast, AtMost, AtMostTimesPeer, TimesPeer};
        for (measured, target, is_reached) in [
            (10.0, AtLeast(10.0), true),
            (9.9, AtLeast(10.0), false),
            (10.0, AtMost(10.0), true),
            (10.1, AtMost(10.0), false),
            (8.0, TimesPeer(4.0), true),
            (7.9, TimesPeer(4.0), false),
            (2.0, AheadOfPeer, false),
            (2.1, AheadOfPeer, true),
            (6.0, AtMostTimesPeer(3.0), true),
            (6.1, AtMostTimesPeer(3.0), false),
        ] {
            assert_eq!(reached(measured, Some(2.0), target), Some(is_reached));
        }
    }

    #[test]
    fn nothing_is_reached_where_nothing_is_asked_or_compared() {
        assert_eq!(reached(1.0, Some(2.0), Target::Nothing), None);
        assert_eq!(reached(1.0, None, Target::TimesPeer(1.0)), None);
    }
}
