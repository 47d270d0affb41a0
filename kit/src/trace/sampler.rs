//! Which traces are recorded.

use std::str::FromStr;

/// A rule, by the names that `OTEL_TRACES_SAMPLER` has for them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampler {
    /// What whoever began the trace decided is kept.
    is_of_parent: bool,
    /// Of all traces so many, of 2⁶⁴: those with the lowest ids.
    share: Share,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Share {
    All,
    None,
    Ratio(f64),
}

/// A text that names no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoSampler {
    /// There is none of this name.
    #[error("expected always_on, always_off, traceidratio, or one of them behind parentbased_")]
    Name,
    /// The share is none.
    #[error("expected a number from 0 to 1")]
    Ratio,
}

impl Default for Sampler {
    fn default() -> Self {
        Self {
            is_of_parent: true,
            share: Share::All,
        }
    }
}

impl FromStr for Sampler {
    type Err = NoSampler;

    fn from_str(text: &str) -> Result<Self, NoSampler> {
        let rest = text.strip_prefix("parentbased_");
        let share = match rest.unwrap_or(text) {
            "always_on" => Share::All,
            "always_off" => Share::None,
            "traceidratio" => Share::Ratio(1.0),
            _ => return Err(NoSampler::Name),
        };
        Ok(Self {
            is_of_parent: rest.is_some(),
            share,
        })
    }
}

impl Sampler {
    /// With the share that `OTEL_TRACES_SAMPLER_ARG` says, if the rule has one.
    pub(super) fn with_share(self, text: &str) -> Result<Self, NoSampler> {
        let Share::Ratio(_) = self.share else {
            return Ok(self);
        };
        let ratio = text
            .parse()
            .ok()
            .filter(|ratio| (0.0..=1.0).contains(ratio));
        let share = Share::Ratio(ratio.ok_or(NoSampler::Ratio)?);
        Ok(Self { share, ..self })
    }

    /// Whether a trace is recorded: one that comes from elsewhere with a decision, or a new one.
    pub(super) fn takes(&self, trace_id: u128, decided: Option<bool>) -> bool {
        if let (true, Some(decided)) = (self.is_of_parent, decided) {
            return decided;
        }
        match self.share {
            Share::All => true,
            Share::None => false,
            // The lower half: of all samplers of OpenTelemetry it is this which is compared.
            Share::Ratio(ratio) => ((trace_id as u64) >> 1) < (ratio * (1_u64 << 63) as f64) as u64,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn sampler(name: &str) -> Sampler {
        name.parse().unwrap()
    }

    #[test]
    fn what_was_decided_is_kept_if_the_rule_says_so() {
        for (name, decided, taken) in [
            ("parentbased_always_on", Some(false), false),
            ("parentbased_always_on", None, true),
            ("parentbased_always_off", Some(true), true),
            ("parentbased_always_off", None, false),
            ("always_on", Some(false), true),
            ("always_off", Some(true), false),
        ] {
            assert_eq!(sampler(name).takes(7, decided), taken, "{name} {decided:?}");
        }
        assert_eq!(Sampler::default(), sampler("parentbased_always_on"));
    }

    #[test]
    fn a_share_of_the_traces_is_taken_and_the_same_everywhere() {
        let tenth = sampler("traceidratio").with_share("0.1").unwrap();
        let ids = || (0..10_000).map(|_| super::super::id::trace_id());
        let taken = ids().filter(|id| tenth.takes(*id, None)).count();
        assert!((800..1_200).contains(&taken), "{taken}");
        assert!(ids().all(|id| tenth.takes(id, None) == tenth.takes(id, None)));
        let of = |share| sampler("traceidratio").with_share(share).unwrap();
        assert!(ids().all(|id| of("1").takes(id, None) && !of("0").takes(id, None)));
    }

    #[test]
    fn what_names_no_rule_is_refused() {
        for name in ["", "often", "parentbased_", "jaeger_remote"] {
            assert_eq!(name.parse::<Sampler>(), Err(NoSampler::Name), "{name}");
        }
        for share in ["", "x", "1.1", "-0.1", "NaN"] {
            let refused = sampler("parentbased_traceidratio").with_share(share);
            assert_eq!(refused, Err(NoSampler::Ratio), "{share}");
        }
    }
}
