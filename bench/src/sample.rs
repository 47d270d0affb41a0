//! What several rounds gave.

use std::time::Duration;

use crate::failure::Failure;

/// One figure from each round; one round at least.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    sorted: Vec<f64>,
}

impl Sample {
    /// Fails without a round.
    pub(crate) fn of(mut rounds: Vec<f64>) -> Result<Sample, Failure> {
        if rounds.is_empty() {
            return Err(Failure::new("no round was measured"));
        }
        rounds.sort_by(f64::total_cmp);
        Ok(Sample { sorted: rounds })
    }

    /// The middle one; of an even number the mean of both in the middle.
    pub(crate) fn median(&self) -> f64 {
        let half = self.sorted.len() / 2;
        match self.sorted.len() % 2 {
            0 => f64::midpoint(self.sorted[half - 1], self.sorted[half]),
            _ => self.sorted[half],
        }
    }

    /// The least and the most, where there is more than one round.
    pub(crate) fn spread(&self) -> Option<(f64, f64)> {
        match self.sorted.as_slice() {
            [least, .., most] => Some((*least, *most)),
            _ => None,
        }
    }
}

/// The least time within which `share` (0 to 1) of them lie; zero of none.
pub(crate) fn percentile(times: &mut [Duration], share: f64) -> Duration {
    if times.is_empty() {
        return Duration::ZERO;
    }
    let rank = (times.len() as f64 * share).ceil() as usize;
    let index = rank.clamp(1, times.len()) - 1;
    *times.select_nth_unstable(index).1
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_whatever_the_order() {
        assert_eq!(Sample::of(vec![9.0, 1.0, 2.0]).unwrap().median(), 2.0);
        assert_eq!(Sample::of(vec![4.0, 1.0]).unwrap().median(), 2.5);
        assert_eq!(Sample::of(vec![7.0]).unwrap().median(), 7.0);
    }

    #[test]
    fn one_round_has_no_spread() {
        assert_eq!(Sample::of(vec![7.0]).unwrap().spread(), None);
        let spread = Sample::of(vec![9.0, 1.0, 2.0]).unwrap().spread();
        assert_eq!(spread, Some((1.0, 9.0)));
        assert!(Sample::of(Vec::new()).is_err());
    }

    #[test]
    fn a_percentile_is_one_of_the_times_that_were_measured() {
        let mut times: Vec<Duration> = (1..=100).rev().map(Duration::from_millis).collect();
        for (share, ms) in [(0.5, 50), (0.99, 99), (0.995, 100), (1.0, 100), (0.0, 1)] {
            assert_eq!(percentile(&mut times, share), Duration::from_millis(ms));
        }
        assert_eq!(percentile(&mut [], 0.5), Duration::ZERO);
    }
}
